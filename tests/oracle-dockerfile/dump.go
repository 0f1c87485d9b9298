// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// reading is BuildKit's parse of a file.
type reading struct {
	dump string // as dockerfile-dump writes it
	err  error
	line int // of err; 0: unknown
	ast  *parser.Result
}

func isOurs(syntax string) bool {
	name := strings.TrimPrefix(syntax, "docker.io/")
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	return name == "docker/dockerfile" || name == "docker/dockerfile-upstream"
}

func read(text string) reading {
	syntax, _, _, _ := parser.DetectSyntax([]byte(text))
	head := "syntax " + quote(syntax)
	if syntax != "" && !isOurs(syntax) {
		return reading{dump: head + " foreign\n"}
	}
	result, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		return reading{err: err, line: lineOf(err)}
	}
	// The oracle has no linter, and a nil one crashes on a comment with check=.
	for _, node := range result.AST.Children {
		node.PrevComment = nil
	}
	stages, _, err := instructions.Parse(result.AST, nil)
	if err == nil && len(stages) == 0 {
		err = errors.New("no stage: dockerfile2llb refuses it")
	}
	if err != nil {
		return reading{err: err, line: lineOf(err), ast: result}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nescape %c\n", head, result.EscapeToken)
	for _, node := range result.AST.Children {
		dumpNode(&b, node, node, "")
		if keyword(node) == "onbuild" {
			dumpNode(&b, triggerOf(node), node, " trigger ")
		}
	}
	dumpStages(&b, result.AST)
	return reading{dump: b.String(), ast: result}
}

func lineOf(err error) int {
	var located *parser.LocationError
	if errors.As(err, &located) && len(located.Locations) > 0 && len(located.Locations[0]) > 0 {
		return located.Locations[0][0].Start.Line
	}
	return 0
}

func keyword(node *parser.Node) string { return strings.ToLower(node.Value) }

// triggerOf returns the instruction that an ONBUILD will run: when it runs, the builder parses its
// text again, as a file of its own. If that fails, it is the instruction as the first parse gave it.
func triggerOf(node *parser.Node) *parser.Node {
	trigger := node.Next.Children[0]
	node.PrevComment = nil
	command, err := instructions.ParseInstruction(node)
	if err != nil {
		return trigger
	}
	again, err := parser.Parse(strings.NewReader(command.(*instructions.OnbuildCommand).Expression))
	if err != nil || len(again.AST.Children) != 1 || keyword(again.AST.Children[0]) == "" {
		return trigger
	}
	// An accepted difference: a trigger that ends in an escape and has a heredoc swallows the first
	// line of the body.
	if len(node.Heredocs) > 0 && strings.HasSuffix(strings.TrimRight(node.Original, " \t"), "\\") {
		return trigger
	}
	// An accepted difference: the parser knows an ONBUILD with a dotted I, but doesn't cut it off.
	if again := again.AST.Children[0]; keyword(again) != "onbuild" {
		return again
	}
	return trigger
}

// dumpNode prints a node as dump_instruction() of dockerfile-dump does. Lines and heredocs are those
// of `whole`, the instruction that contains the node.
func dumpNode(b *strings.Builder, node, whole *parser.Node, tag string) {
	fmt.Fprintf(b, "%s%d-%d %s", tag, whole.StartLine, whole.EndLine, quote(node.Value))
	kind := keyword(node)
	copies := kind == "copy" || kind == "add"
	json := node.Attributes["json"]
	if json && (copies || kind == "run") {
		b.WriteString(" json")
	}
	for _, flag := range node.Flags {
		name, value, has := strings.Cut(flag[2:], "=")
		fmt.Fprintf(b, "\n  flag %s", quote(name))
		if has {
			fmt.Fprintf(b, "=%s", quote(value))
		}
	}
	dumpWords(b, node, kind, json, copies)
	for _, heredoc := range whole.Heredocs {
		fmt.Fprintf(b, "\n  body %s", quote(heredoc.Name))
		if heredoc.Expand {
			b.WriteString(" expand")
		}
		if heredoc.Chomp {
			b.WriteString(" chomp")
		}
		fmt.Fprintf(b, " %s", quote(heredoc.Content))
	}
	b.WriteString("\n")
}

func dumpWords(b *strings.Builder, node *parser.Node, kind string, json, copies bool) {
	switch kind {
	case "from", "copy", "add", "arg":
	case "env":
		for n := node.Next; n != nil; n = n.Next.Next.Next {
			fmt.Fprintf(b, "\n  word %s\n  word %s", quote(n.Value), quote(n.Next.Value))
		}
		return
	case "run":
		if json {
			return
		}
	default:
		return
	}
	for n := node.Next; n != nil; n = n.Next {
		fmt.Fprintf(b, "\n  word %s", quote(n.Value))
		if copies && parser.MustParseHeredoc(n.Value) != nil {
			b.WriteString(" heredoc")
		}
	}
}

func dumpStages(b *strings.Builder, root *parser.Node) {
	var from []int
	for i, node := range root.Children {
		if keyword(node) == "from" {
			from = append(from, i)
		}
	}
	for i, start := range from {
		end := len(root.Children)
		if i+1 < len(from) {
			end = from[i+1]
		}
		command, err := instructions.ParseInstruction(root.Children[start])
		if err != nil {
			panic(err)
		}
		stage := command.(*instructions.Stage)
		fmt.Fprintf(b, "stage %s %s %d %d\n", quote(stage.Name), quote(stage.BaseName), start, end)
	}
}
