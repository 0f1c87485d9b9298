// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/docker/docker/pkg/fileutils"
)

// classicWalk walks a tree as the 20.10 client does, with the verdicts of the client's own matcher.
// The walk copies that of archive.TarWithOptions, which can't be called without a disk.
func classicWalk(t tree, patterns []string) ([]byte, error) {
	pm, err := fileutils.NewPatternMatcher(patterns)
	if err != nil {
		return nil, err
	}
	verdicts := []byte(strings.Repeat(".", len(t)))
	for i := 0; i < len(t); {
		e := t[i]
		skip, err := pm.Matches(e.path)
		if err != nil {
			return nil, err
		}
		verdicts[i] = '+'
		if skip {
			verdicts[i] = '-'
			if e.kind == 'd' && !classicEnters(pm, e.path) {
				verdicts[i] = '!'
				i = e.below
				continue
			}
		}
		i++
	}
	return verdicts, nil
}

func classicEnters(pm *fileutils.PatternMatcher, dir string) bool {
	if !pm.Exclusions() {
		return false
	}
	for _, p := range pm.Patterns() {
		if p.Exclusion() && strings.HasPrefix(p.String()+"/", dir+"/") {
			return true
		}
	}
	return false
}
