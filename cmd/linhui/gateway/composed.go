package gateway

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"linhui/supergraph"
	"linhui/supergraph/compose"
	"linhui/supergraph/subgraph"
)

// Composer composes a supergraph of subgraphs that it asks for their schemas.
type Composer struct {
	asked []asked

	mu   sync.Mutex // of what is known
	made string     // of the schemas known, by Load; empty: they have changed
}

// asked is a subgraph that is asked for its schema.
type asked struct {
	supergraph.Subgraph
	name, url string
	known     string // its schema, of the last time that it answered
	changed   bool   // at the last time
	err       error  // of the last time
}

// NewComposer asks the subgraphs at these addresses and, unless it is nil, the local one.
func NewComposer(urls map[string]string, local *Local, o subgraph.Options) (*Composer, error) {
	c := &Composer{}
	if local != nil {
		if urls[local.Name] != "" {
			return nil, fmt.Errorf("the name %s is that of the graph itself: give the other subgraph another", local.Name)
		}
		c.asked = append(c.asked, asked{Subgraph: local.Subgraph, name: local.Name})
	}
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		o.Name, o.URL = name, urls[name]
		client, err := subgraph.New(o)
		if err != nil {
			return nil, err
		}
		c.asked = append(c.asked, asked{Subgraph: client, name: name, url: urls[name]})
	}
	return c, nil
}

// Load asks every subgraph. One that does not answer keeps the schema it had; without one there is
// no supergraph.
func (c *Composer) Load(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all sync.WaitGroup
	for i := range c.asked {
		all.Go(func() { c.asked[i].ask(ctx) })
	}
	all.Wait()
	for _, a := range c.asked {
		if a.known == "" {
			return "", fmt.Errorf("the schema of %s: %w", a.name, a.err)
		}
		if a.changed {
			c.made = ""
		}
	}
	if c.made != "" {
		return c.made, nil // composing again would cost a server that answers tens of milliseconds
	}
	var err error
	c.made, err = c.compose(ctx, c.asked)
	return c.made, err
}

// Part is composed of the subgraphs whose schemas are known, without asking again, or of the local
// one where the others do not fit.
func (c *Composer) Part(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sdl, err := c.compose(ctx, c.asked)
	if err != nil && c.asked[0].url == "" {
		sdl, err = c.compose(ctx, c.asked[:1])
	}
	return sdl, err
}

func (c *Composer) compose(ctx context.Context, of []asked) (string, error) {
	var inputs []compose.Input
	for _, a := range of {
		if a.known == "" {
			continue
		}
		file := a.url
		if file == "" {
			file = a.name
		}
		inputs = append(inputs, compose.Input{Name: a.name, URL: a.url, File: file, SDL: a.known})
	}
	made, err := compose.Compose(ctx, inputs)
	if err != nil {
		return "", err
	}
	return made.SDL, nil
}

func (a *asked) ask(ctx context.Context) {
	var sdl string
	if sdl, a.err = a.SDL(ctx); a.err == nil {
		a.changed = sdl != a.known
		a.known = sdl
	}
}
