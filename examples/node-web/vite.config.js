import { defineConfig } from 'vite';

export default defineConfig({
  server: { port: 3000, proxy: { '/api': 'http://localhost:8000' } },
  build: { outDir: 'dist', sourcemap: process.env.SOURCEMAP === '1' },
});
