// Package command is the operator's command line: one file a command. Commands read the same
// configuration as the server and are safe beside a running one.
//
// Results go to standard output, for people or, with --json, as one JSON document. What went wrong
// goes to standard error in one line that says what to do next. Exit codes: 0 done, 1 refused or
// failed, 2 not understood.
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

// Env is the world of one run; the entry point fills it from the process, tests from what they like.
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

// run is what a command gets when it runs.
type run struct {
	Env
	ctx    context.Context
	json   bool
	config string // --config, "" = look in the usual places
}

// Run does what args say and gives the exit code. It ends early, in good order, when ctx does.
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

// early is how help leaves the parser.
type early int

// errReported ends a command that has already said what is wrong.
var errReported = errors.New("reported")

// usageError is a mistake in the command that only the command itself can see.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }
