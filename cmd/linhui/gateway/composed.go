package gateway

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"linhui/supergraph/compose"
	"linhui/supergraph/subgraph"
)

// Composed loads a supergraph by asking every subgraph for its schema. A subgraph that does not
// answer keeps the schema it had; without one there is no supergraph.
func Composed(urls map[string]string, o subgraph.Options) (func(context.Context) (string, error), error) {
	names := slices.Sorted(maps.Keys(urls))
	clients := make([]*subgraph.Client, len(names))
	for i, name := range names {
		o.Name, o.URL = name, urls[name]
		c, err := subgraph.New(o)
		if err != nil {
			return nil, err
		}
		clients[i] = c
	}
	known := make([]string, len(names)) // of the last time that each answered
	var mu sync.Mutex
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		errs := make([]error, len(names))
		var all sync.WaitGroup
		for i, c := range clients {
			all.Go(func() {
				sdl, err := c.SDL(ctx)
				if err == nil {
					known[i] = sdl
				}
				errs[i] = err
			})
		}
		all.Wait()
		inputs := make([]compose.Input, len(names))
		for i, name := range names {
			if known[i] == "" {
				return "", fmt.Errorf("the schema of %s: %w", name, errs[i])
			}
			inputs[i] = compose.Input{Name: name, URL: urls[name], File: urls[name], SDL: known[i]}
		}
		made, err := compose.Compose(ctx, inputs)
		if err != nil {
			return "", err
		}
		return made.SDL, nil
	}, nil
}
