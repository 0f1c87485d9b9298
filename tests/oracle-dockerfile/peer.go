// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"sort"
	"strings"
)

// peer is a dockerfile-dump that answers requests with what ctxd's parser and lexer say.
type peer struct {
	in  *bufio.Writer
	out *bufio.Reader
}

func startPeer(program string) (*peer, error) {
	cmd := exec.Command(program)
	cmd.Stderr = stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &peer{bufio.NewWriter(in), bufio.NewReaderSize(out, 1<<16)}, cmd.Start()
}

// answer reads one answer. It panics if the program died, which is a bug that a run should find.
func (p *peer) answer() string {
	var n int
	if err := p.in.Flush(); err != nil {
		panic(err)
	}
	if _, err := fmt.Fscanf(p.out, "%d\n", &n); err != nil {
		panic(fmt.Errorf("no answer: %w", err))
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(p.out, text); err != nil {
		panic(err)
	}
	return string(text)
}

func (p *peer) parse(text string) string {
	fmt.Fprintf(p.in, "parse %d\n%s", len(text), text)
	return p.answer()
}

// values are the values of variables, by name. For unknown variables they are guesses.
type values map[string]string

func (p *peer) expand(word string, escape rune, known, unknown values) string {
	fmt.Fprintf(p.in, "expand %c %d %d\n%s", escape, len(word), len(known)+len(unknown), word)
	p.variables("set", known)
	p.variables("unknown", unknown)
	return p.answer()
}

func (p *peer) variables(state string, of values) {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(p.in, "%s %d %d\n%s%s", state, len(name), len(of[name]), name, of[name])
	}
}

// quote writes a text as add_quoted() of dockerfile-dump does.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(text); i++ {
		if c := text[i]; c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "\\x%02x", c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// unquote reads the quoted text that an answer begins with.
func unquote(answer string) (text, rest string) {
	var b strings.Builder
	i := 1
	for ; answer[i] != '"'; i++ {
		if answer[i] != '\\' {
			b.WriteByte(answer[i])
			continue
		}
		var c byte
		fmt.Sscanf(answer[i+2:i+4], "%02x", &c)
		b.WriteByte(c)
		i += 3
	}
	return b.String(), answer[i+1:]
}
