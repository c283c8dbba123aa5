// Package command is the operator's command line, with a file for each command or small group of commands.
// grammar.go lists them all. Commands read the same configuration as the server, and they may run while it runs.
// The running server sees their changes, because both use the same database.
//
// Results go to standard output: text for people or, with --json, one JSON document. Failures go to standard error
// in one line that says what to do next. Exit codes: 0 done, 1 refused or failed, 2 not understood.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Env is everything that a run reads of its process or writes to it. The entry point fills it from the real
// process; a test fills it with what it needs.
type Env struct {
	Stdout, Stderr io.Writer
	Environ        []string // as os.Environ gives it
	Getenv         func(string) string
	Now            func() time.Time
	Rand           io.Reader
	LookupHost     func(ctx context.Context, name string) ([]string, error) // for the doctor
	SystemConfig   string                                                   // configuration file of last resort, "" = the usual place
	Demo           func(ctx context.Context, d Demo) error                  // shows the whole product until ctx ends; only the demo command needs it
}

// run is one run of a command. The parser hands it to the command's Run method.
type run struct {
	Env
	ctx    context.Context
	json   bool
	config string // --config, "" = look in the usual places
}

// Run executes the command in args and returns the exit code. When ctx ends, the command ends early and in good
// order. args do not include the name of the program; empty args print the help.
func Run(ctx context.Context, args []string, env Env) (code int) {
	var g grammar
	parser, err := kong.New(&g,
		kong.Name("countersign"),
		kong.Description("Second-factor sign-in: a prompt, a phone app, and the commands to run them."),
		kong.Writers(env.Stdout, env.Stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, NoExpandSubcommands: true}),
		kong.Exit(func(code int) { panic(early(code)) }),
	)
	if err != nil {
		panic(err) // the grammar itself is wrong
	}
	defer func() {
		if v := recover(); v != nil {
			e, ok := v.(early)
			if !ok {
				panic(v)
			}
			code = int(e)
		}
	}()
	r := &run{Env: env, ctx: ctx}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		r.json = slices.Contains(args, "--json")
		if p := new(kong.ParseError); errors.As(err, &p) && p.Context != nil {
			parsed = p.Context
		}
		r.usage(misread(err), parsed)
		return exitUsage
	}
	r.json, r.config = g.JSON, g.Config
	err = parsed.Run(r)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
		return exitFailed
	}
	if u := new(usageError); errors.As(err, &u) {
		r.usage(u, parsed)
		return exitUsage
	}
	r.fail(err)
	return exitFailed
}

// early is the panic value with which the parser ends a run after it has printed help; it is the exit code.
type early int

// errReported ends a command that has already printed what is wrong. The exit code is 1.
var errReported = errors.New("reported")

// usageError is a mistake in the arguments that the parser cannot see. The exit code is 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// usagef makes a usageError; format is one of package fmt.
func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }
