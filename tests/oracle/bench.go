// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// cpu returns the processor time of this process, on which a busy machine has no influence.
func cpu() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// bench measures the same walk as tests/ignore/bench-match.c does, but as fsutil's filter walks it.
func bench(out io.Writer, rulesPath, treePath string) error {
	f, err := os.Open(rulesPath)
	if err != nil {
		return err
	}
	defer f.Close()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		return err
	}
	pm, err := patternmatcher.New(patterns)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(treePath)
	if err != nil {
		return err
	}
	entries := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	kept, err := benchWalk(pm, entries) // warms up: a pattern is compiled when it is first used
	if err != nil {
		return err
	}
	begin := cpu()
	if _, err = benchWalk(pm, entries); err != nil {
		return err
	}
	ns := float64((cpu() - begin).Nanoseconds()) / float64(len(entries))
	_, err = fmt.Fprintf(out, "%.1f ns a path, %d of %d kept\n", ns, kept, len(entries))
	return err
}

func benchWalk(pm *patternmatcher.PatternMatcher, entries []string) (kept int, err error) {
	type level struct {
		prefix string
		info   patternmatcher.MatchInfo
	}
	var up []level
	for _, e := range entries {
		path := strings.TrimSuffix(e, "/")
		for len(up) > 0 && !strings.HasPrefix(path, up[len(up)-1].prefix) {
			up = up[:len(up)-1]
		}
		var parent patternmatcher.MatchInfo
		if len(up) > 0 {
			parent = up[len(up)-1].info
		}
		excluded, info, err := pm.MatchesUsingParentResults(path, parent)
		if err != nil {
			return 0, err
		}
		if !excluded {
			kept++
		}
		if path != e {
			up = append(up, level{e, info})
		}
	}
	return kept, nil
}
