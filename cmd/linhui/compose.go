package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"linhui/supergraph/compose"
	"linhui/supergraph/subgraph"
)

// composes is the command compose: subgraphs to one supergraph SDL.
type composes struct {
	Out       string        `help:"File to write the supergraph SDL to; standard output without it." type:"path"`
	Timeout   time.Duration `help:"How long a subgraph may take to tell its SDL." default:"10s"`
	Subgraphs []string      `arg:"" name:"name=file|url" help:"A subgraph: its name and a file with its SDL, or the address that answers { _service { sdl } }."`
}

func (c *composes) Run(p *process) error {
	var inputs []compose.Input
	for _, arg := range c.Subgraphs {
		name, from, ok := strings.Cut(arg, "=")
		if !ok || name == "" || from == "" {
			return usage("%q: a subgraph is written name=file or name=url", arg)
		}
		in, err := c.input(p.soft, name, from)
		if err != nil {
			return fmt.Errorf("subgraph %s: %w", name, err)
		}
		inputs = append(inputs, in)
	}
	result, err := compose.Compose(p.soft, inputs)
	if err != nil {
		var wrong *compose.Error
		if errors.As(err, &wrong) {
			fmt.Fprintln(p.err, wrong)
			return errReported
		}
		return err
	}
	for _, w := range result.Warnings {
		fmt.Fprintln(p.err, "warning:", w)
	}
	if c.Out == "" {
		_, err = io.WriteString(p.out, result.SDL)
		return err
	}
	return replaceFile(c.Out, result.SDL)
}

func (c *composes) input(ctx context.Context, name, from string) (compose.Input, error) {
	in := compose.Input{Name: name, File: from}
	if !strings.HasPrefix(from, "http://") && !strings.HasPrefix(from, "https://") {
		text, err := os.ReadFile(from)
		in.SDL = string(text)
		return in, err
	}
	in.URL = from
	remote, err := subgraph.New(subgraph.Options{Name: name, URL: from, Timeout: c.Timeout})
	if err != nil {
		return in, err
	}
	in.SDL, err = remote.SDL(ctx)
	return in, err
}

// replaceFile writes the file as a whole or not at all, so that a gateway that watches it never reads half of it.
func replaceFile(name, text string) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".supergraph-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.WriteString(text); err == nil {
		err = f.Chmod(0o644)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
