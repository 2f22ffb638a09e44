package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/vektah/gqlparser/v2"

	"linhui/supergraph/plan"
)

// plans is the command plan: how an operation on a supergraph would be answered.
type plans struct {
	Supergraph string `arg:"" help:"File with the supergraph SDL." type:"existingfile"`
	Query      string `arg:"" help:"File with the operation, or the operation itself."`
	Operation  string `help:"Name of the operation, when the document has several."`
	JSON       bool   `name:"json" help:"Print the plan as JSON."`
}

func (c *plans) Run(p *process) error {
	sdl, err := os.ReadFile(c.Supergraph)
	if err != nil {
		return err
	}
	s, err := plan.New(string(sdl))
	if err != nil {
		return fmt.Errorf("%s: %w", c.Supergraph, err)
	}
	query := c.Query
	if text, err := os.ReadFile(c.Query); err == nil {
		query = string(text)
	}
	doc, errs := gqlparser.LoadQueryWithRules(s.APISchema(), query, nil)
	if len(errs) > 0 {
		return usage("the operation is not valid: %v", errs)
	}
	out, err := s.Plan(p.soft, doc, c.Operation)
	if err != nil {
		return err
	}
	if !c.JSON {
		_, err = fmt.Fprint(p.out, out)
		return err
	}
	e := json.NewEncoder(p.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(out)
}
