// SPDX-License-Identifier: Apache-2.0

// oracle makes up ignore files and trees, asks moby/patternmatcher and fsutil's own filter what is
// sent, and prints the answers as vectors (tests/vectors/README.md). ignore-vectors reads them.
//
//	oracle --n 200000 --seed 1 | ignore-vectors -
//	oracle --seed 1 --only 4711      one case, by the number in its id
//	oracle --classic                 by the rules of the 20.10 client, for ignore-vectors --classic -
//	oracle --bench IGNOREFILE TREE   measures the library as bench-match measures ignore/
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/docker/docker/pkg/fileutils"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

func okOr(err error) string {
	if err != nil {
		return "err"
	}
	return "ok"
}

// rules judge a case: path gives the verdict on one path, walk those on a whole tree.
type rules struct {
	path func(patterns []string) (func(string) (bool, error), error)
	walk func(t tree, patterns []string) (verdicts []byte, err error)
}

var newest = rules{
	path: func(patterns []string) (func(string) (bool, error), error) {
		pm, err := patternmatcher.New(patterns)
		if err != nil {
			return nil, err
		}
		return pm.MatchesOrParentMatches, nil
	},
	walk: walk,
}

var classic = rules{
	path: func(patterns []string) (func(string) (bool, error), error) {
		pm, err := fileutils.NewPatternMatcher(patterns)
		if err != nil {
			return nil, err
		}
		return pm.Matches, nil
	},
	walk: classicWalk,
}

// write makes the case of that number. Its content depends only on the seed and the number.
func (r rules) write(out *bytes.Buffer, seed, number int64) {
	m := &maker{Rand: rand.New(rand.NewSource(seed<<32 + number))}
	m.names = pools[m.Intn(len(pools))]
	if m.chance(20) {
		m.names = append(append([]string{}, m.names...), pools[m.Intn(len(pools))]...)
	}
	t := m.tree()
	text := m.file(t)
	fmt.Fprintf(out, "C\ts%d-%d\toracle\nI\t%s\n", seed, number, escape(text))
	patterns, err := ignorefile.ReadAll(strings.NewReader(text))
	fmt.Fprintf(out, "R\t%s\t%d\n", okOr(err), len(patterns))
	for _, p := range patterns {
		fmt.Fprintf(out, "P\t%s\n", escape(p))
	}
	if err != nil {
		return
	}
	matches, err := r.path(patterns)
	fmt.Fprintf(out, "N\t%s\n", okOr(err))
	if err != nil {
		return
	}
	for _, e := range t {
		verdict := "0"
		if excluded, err := matches(e.path); err != nil {
			verdict = "E"
		} else if excluded {
			verdict = "1"
		}
		fmt.Fprintf(out, "M\t%s\t%s\n", verdict, escape(e.path))
	}
	verdicts, err := r.walk(t, patterns)
	if err != nil {
		fmt.Fprintf(out, "X\terr\n")
		verdicts = []byte(strings.Repeat("?", len(t)))
	}
	for i, e := range t {
		fmt.Fprintf(out, "W\t%c\t%c\t%s\n", verdicts[i], e.kind, escape(e.path))
	}
}

func (r rules) run(out io.Writer, seed, n int64) error {
	const block = 500
	var next int64
	var lock sync.Mutex
	var failed error
	var all sync.WaitGroup
	for range make([]struct{}, runtime.NumCPU()) {
		all.Add(1)
		go func() {
			defer all.Done()
			var b bytes.Buffer
			for {
				from := atomic.AddInt64(&next, block) - block
				if from >= n {
					return
				}
				b.Reset()
				for i := from; i < n && i < from+block; i++ {
					r.write(&b, seed, i)
				}
				lock.Lock()
				if _, err := out.Write(b.Bytes()); err != nil && failed == nil {
					failed = err
				}
				stop := failed != nil
				lock.Unlock()
				if stop {
					return
				}
			}
		}()
	}
	all.Wait()
	return failed
}

func main() {
	seed := flag.Int64("seed", 1, "what the cases depend on")
	n := flag.Int64("n", 200000, "how many cases")
	only := flag.Int64("only", -1, "print this case alone")
	byClassic := flag.Bool("classic", false, "by the rules of the 20.10 client")
	measure := flag.Bool("bench", false, "measure instead: an ignore file and a tree follow")
	flag.Parse()
	r := newest
	if *byClassic {
		r = classic
	}
	// patternmatcher's scanner writes a line about each byte of bad UTF-8 to os.Stderr.
	stderr := os.Stderr
	os.Stderr, _ = os.Open(os.DevNull)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	var err error
	switch {
	case *measure:
		err = bench(out, flag.Arg(0), flag.Arg(1))
	case *only >= 0:
		var b bytes.Buffer
		r.write(&b, *seed, *only)
		_, err = out.Write(b.Bytes())
	default:
		err = r.run(out, *seed, *n)
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		fmt.Fprintln(stderr, "oracle:", err)
		os.Exit(1)
	}
}
