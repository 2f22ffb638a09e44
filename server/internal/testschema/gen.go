//go:build ignore

// Gen writes the executable schema with stock gqlgen, without the command's dependencies.
package main

import (
	"log"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
)

func main() {
	cfg, err := config.LoadConfig("gqlgen.yml")
	if err == nil {
		err = api.Generate(cfg)
	}
	if err != nil {
		log.Fatal(err)
	}
}
