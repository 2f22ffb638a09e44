package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"linhui/internal/authn"
	"linhui/internal/tabular"
)

type queryCommand struct {
	File      string            `arg:"" help:"GraphQL document with one list, connection or aggregate; - reads it from standard input."`
	Format    string            `default:"table" enum:"csv,xlsx,arrow,json,table" help:"csv, xlsx, arrow, json or table."`
	Var       map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"A variable: JSON, or else text. Repeatable."`
	Operation string            `placeholder:"NAME" help:"Which operation of the file."`
	Endpoint  string            `env:"LINHUI_ENDPOINT" default:"http://127.0.0.1:8080/graphql" help:"Where a gateway answers."`
	Token     string            `env:"LINHUI_TOKEN" placeholder:"TOKEN" help:"Who asks. Default: an analyst of the demo on this machine."`
	Purpose   string            `placeholder:"TEXT" help:"Why personal data is asked for."`
	Out       string            `short:"o" placeholder:"FILE" help:"Where the rows go. Default: standard output."`
	Labels    bool              `help:"Enum values by what people call them."`
	Header    bool              `help:"CSV: lines that begin with # state query, filters, time and coverage."`
	Quiet     bool              `short:"q" help:"No progress on standard error."`
	StateDir  string            `env:"STATE_DIR" default:".state" help:"Where the demo keeps its key."`
}

// Run writes every row of a query to a file or the terminal. Rows come as JSON, whose head names
// the columns, and are written here: so any format has progress.
func (c *queryCommand) Run(p *process) error {
	format := tabular.ByName(c.Format)
	if c.Out == "" && !format.Streams && isTerminal(p.out) {
		return usage("%s is not for a terminal: add --out FILE%s", c.Format, format.Extension)
	}
	resp, err := c.ask(p)
	if err != nil {
		return err
	}
	defer resp.Body.Close()

	end, err := c.write(p, format, resp.Body)
	switch {
	case p.soft.Err() != nil:
		return p.soft.Err()
	case err != nil:
		return fmt.Errorf("the rows end early, try again: %w", err)
	case !end.Complete() && format == tabular.Plain && c.Out == "":
		return errReported // the table ends with it
	case !end.Complete():
		fmt.Fprintln(p.err, "linhui:", end.Incomplete())
		return errReported
	}
	return nil
}

// write writes the rows to the terminal or a file. A file takes its name when all that came is
// in it: what was there stays until then.
func (c *queryCommand) write(p *process, format *tabular.Format, rows io.Reader) (*tabular.End, error) {
	progress := newProgress(p.err, c.Quiet)
	defer progress.end()
	into := func(out io.Writer) (*tabular.End, error) {
		return tabular.ReadJSON(rows, func(h tabular.Head) (tabular.Writer, error) {
			h.Style = tabular.Style{Labels: c.Labels, Preamble: c.Header}
			return format.New(out, h)
		}, progress.row)
	}
	if c.Out == "" {
		return into(p.out)
	}
	part, err := os.Create(c.Out + ".part")
	if err != nil {
		return nil, err
	}
	defer os.Remove(part.Name())
	end, err := into(part)
	if err = errors.Join(err, part.Close()); err != nil {
		return nil, err
	}
	return end, os.Rename(part.Name(), c.Out)
}

// ask sends the query, and explains what refuses it.
func (c *queryCommand) ask(p *process) (*http.Response, error) {
	document, err := c.document()
	if err != nil {
		return nil, err
	}
	variables := map[string]any{}
	for name, text := range c.Var {
		var v any = text
		if json.Unmarshal([]byte(text), &v) != nil {
			v = text
		}
		variables[name] = v
	}
	body, err := json.Marshal(map[string]any{"query": string(document), "operationName": c.Operation, "variables": variables})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(p.soft, http.MethodPost, c.Endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, usage("--endpoint: %w", err)
	}
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", tabular.JSON.Media)
	req.Header.Set("Authorization", "Bearer "+token)
	if c.Purpose != "" {
		req.Header.Set("X-Linhui-Purpose", c.Purpose)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no gateway answers at %s: start one with linhui demo, or give --endpoint URL: %w", c.Endpoint, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

func (c *queryCommand) document() ([]byte, error) {
	if c.File == "-" {
		return io.ReadAll(os.Stdin)
	}
	document, err := os.ReadFile(c.File)
	if err != nil {
		return nil, usage("%w", err)
	}
	return document, nil
}

// token is the one given, or one that the demo of the state directory believes.
func (c *queryCommand) token() (string, error) {
	if c.Token != "" {
		return c.Token, nil
	}
	local, err := localIssuer(c.StateDir)
	if err != nil {
		return "", fmt.Errorf("a token cannot be made: give --token: %w", err)
	}
	claims := authn.Claims{Roles: []string{"ANALYST"}, Purpose: c.Purpose, Communities: authn.Communities{All: true}}
	claims.Subject = "demo-ANALYST"
	return local.Issue(claims, time.Hour)
}

// refusal is what a gateway says, and what to do.
func refusal(resp *http.Response) error {
	var said struct {
		Errors []struct {
			Message    string
			Locations  []struct{ Line, Column int }
			Extensions struct{ Code string }
		}
	}
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if json.Unmarshal(raw, &said) != nil || len(said.Errors) == 0 {
		return fmt.Errorf("%s answers %s: is it a Linhui gateway's /graphql?", resp.Request.URL, resp.Status)
	}
	var lines []string
	for _, e := range said.Errors {
		text := e.Message
		if len(e.Locations) > 0 {
			text = fmt.Sprintf("line %d, column %d: %s", e.Locations[0].Line, e.Locations[0].Column, text)
		}
		switch e.Extensions.Code {
		case "UNAUTHENTICATED":
			text += " (give --token, or make one with linhui token)"
		case "RATE_LIMITED":
			text += " (wait " + resp.Header.Get("Retry-After") + " s)"
		}
		lines = append(lines, text)
	}
	return errors.New(strings.Join(lines, "\n        "))
}
