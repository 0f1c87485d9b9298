// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	gofs "io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// entry is one path of a tree. Entries are in walk order; below is the index of the next entry that
// is not below this one.
type entry struct {
	path  string
	kind  byte // d, f or l, as in the vectors
	below int
}

type tree []entry

func (e entry) stat() *types.Stat {
	mode := os.FileMode(0o644)
	switch e.kind {
	case 'd':
		mode = os.ModeDir | 0o755
	case 'l':
		mode = os.ModeSymlink | 0o777
	}
	return &types.Stat{Path: e.path, Mode: uint32(mode)}
}

// memory shows a tree to fsutil as its own directory walk does, and records which entries were
// looked at.
type memory struct {
	tree    tree
	verdict []byte
}

func (m *memory) Walk(_ context.Context, _ string, fn gofs.WalkDirFunc) error {
	for i := 0; i < len(m.tree); {
		e := m.tree[i]
		m.verdict[i] = '-'
		err := fn(e.path, &fsutil.DirEntryInfo{Stat: e.stat()}, nil)
		if errors.Is(err, filepath.SkipDir) && e.kind == 'd' {
			m.verdict[i] = '!'
			i = e.below
			continue
		}
		if err != nil {
			return err
		}
		i++
	}
	return nil
}

func (m *memory) Open(string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("")), nil
}

// walk returns the verdict on each entry, in the code of the vectors, or the error of the walk.
func walk(t tree, patterns []string) ([]byte, error) {
	m := &memory{tree: t, verdict: []byte(strings.Repeat(".", len(t)))}
	index := make(map[string]int, len(t))
	for i, e := range t {
		index[e.path] = i
	}
	filtered, err := fsutil.NewFilterFS(m, &fsutil.FilterOpt{ExcludePatterns: patterns})
	if err != nil {
		return nil, err
	}
	var sent []int
	err = filtered.Walk(context.Background(), "/", func(path string, _ gofs.DirEntry, err error) error {
		sent = append(sent, index[path])
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, i := range sent {
		m.verdict[i] = '+'
		if t[i].kind != 'f' {
			continue
		}
		if _, err := filtered.Open(t[i].path); err != nil {
			m.verdict[i] = '~'
		}
	}
	return m.verdict, nil
}
