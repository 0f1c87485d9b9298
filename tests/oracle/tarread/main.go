// SPDX-License-Identifier: Apache-2.0

// tarread lists a tar archive from standard input as Go's archive/tar reads it. BuildKit, containerd,
// kaniko and buildah unpack contexts with that package. Each entry is a JSON object on a line. Names
// and link targets are in base64, because they are bytes. The first error ends it with status 1.
package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

type entry struct {
	Name   []byte `json:"name"`
	Type   string `json:"type"`
	Mode   int64  `json:"mode"`
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
	Size   int64  `json:"size"`
	Mtime  int64  `json:"mtime"`
	Link   []byte `json:"link"`
	Digest string `json:"digest"`
}

func read(in *bufio.Reader, out *json.Encoder) error {
	var plain io.Reader = in
	if magic, _ := in.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		plain = unpacked
	}
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		digest := sha256.New()
		if _, err := io.Copy(digest, archive); err != nil {
			return fmt.Errorf("%q: %w", header.Name, err)
		}
		e := entry{[]byte(header.Name), string(header.Typeflag), header.Mode, header.Uid, header.Gid,
			header.Size, header.ModTime.Unix(), []byte(header.Linkname), hex.EncodeToString(digest.Sum(nil))}
		if err := out.Encode(e); err != nil {
			return err
		}
	}
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	err := read(bufio.NewReaderSize(os.Stdin, 1<<16), json.NewEncoder(out))
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tarread:", err)
		os.Exit(1)
	}
}
