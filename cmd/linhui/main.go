// Command linhui serves one GraphQL endpoint over the databases of many communities, and looks
// after those databases. `linhui --help` lists what it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	otel "go.opentelemetry.io/otel/trace"

	"linhui/internal/fault"
	"linhui/internal/trace"
)

// The exit codes, as --help documents them.
const (
	exitFailed = 1
	exitUsage  = 2
	exitForced = 130
)

const description = `Linhui 邻汇: one graph over the databases of many communities.

linhui demo needs nothing but PostgreSQL's programs and shows everything; linhui serve is for production.

Exit codes: 0 done · 1 failed, or doctor found something to do · 2 the command line or the configuration is wrong · 130 ended by a second Ctrl-C.`

// commands is the command line.
type commands struct {
	Demo    demo           `cmd:"" help:"Run everything on this machine: a private PostgreSQL, Redis, six communities, the playground."`
	Gateway gatewayCommand `cmd:"" help:"Run a supergraph of any GraphQL services, without a database."`
	Compose composes       `cmd:"" help:"Make one supergraph SDL of subgraphs, or say everything that is wrong with them."`
	Plan    plans          `cmd:"" help:"Print how an operation on a supergraph would be answered."`
	Serve   serve          `cmd:"" help:"Run the gateway over the databases of a configuration file."`
	Migrate migrate        `cmd:"" help:"Bring the directory and every source to this version's schema."`
	Import  imports        `cmd:"" help:"Import a file of facts: all of it or nothing of it in each database."`
	Doctor  doctor         `cmd:"" help:"Check every part that the configuration names and say what to do."`
	Token   token          `cmd:"" help:"Print a token for the demo."`
	Query   queryCommand   `cmd:"" help:"Write every row of a query as CSV, XLSX, Arrow, JSON or a table."`
	Version version        `cmd:"" help:"Print the version."`
}

// process is what the commands share with the world around them.
type process struct {
	out, err io.Writer
	environ  []string
	// soft ends at the first Ctrl-C or SIGTERM: finish what was begun. hard ends at the second: stop now.
	soft, hard context.Context
}

func main() {
	soft, hard, stop := signals()
	defer stop()
	p := &process{out: os.Stdout, err: os.Stderr, environ: os.Environ(), soft: soft, hard: hard}
	os.Exit(p.run(os.Args[1:]))
}

// run runs one command line and returns the exit code.
func (p *process) run(args []string) int {
	var c commands
	parser := kong.Must(&c, kong.Name("linhui"), kong.Description(description), kong.UsageOnError(),
		kong.Writers(p.out, p.err), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Vars{"roles": strings.Join(roleNames(), ", ")})
	line, err := parser.Parse(args)
	if err == nil {
		err = line.Run(p)
	} else {
		err = usage("%s (linhui --help lists the commands)", err)
	}
	switch {
	case err == nil:
		return 0
	case p.hard.Err() != nil:
		return exitForced
	case errors.Is(err, errReported):
		return exitFailed
	case p.soft.Err() != nil && errors.Is(err, context.Canceled):
		return exitFailed // Ctrl-C before there was anything to finish needs no explanation
	}
	fmt.Fprintln(p.err, "linhui:", explain(err))
	var wrong usageError
	if errors.As(err, &wrong) {
		return exitUsage
	}
	return exitFailed
}

// usageError is a mistake in the command line or the configuration.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errReported fails a command that has already said why.
var errReported = errors.New("reported")

// explain is an error as the operator reads it: what the public is told, and the cause, which
// only the public is not.
func explain(err error) string {
	text := err.Error()
	var f *fault.Error
	if errors.As(err, &f) {
		text = strings.Replace(text, string(f.Code)+": ", "", 1)
	}
	return text
}

// traces sends traces as the environment says; nil: it does not. stop sends what is left.
func (p *process) traces() (t otel.TracerProvider, stop func() error, err error) {
	t, end, err := trace.Start(p.soft, release)
	return t, func() error {
		ctx, cancel := context.WithTimeout(p.hard, stopWait)
		defer cancel()
		return end(ctx)
	}, err
}

// logger writes JSON lines for machines.
func (p *process) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(p.err, &slog.HandlerOptions{Level: level}))
}
