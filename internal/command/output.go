package command

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"countersign/internal/base/errs"
	"countersign/internal/base/message"
)

// show prints a result to standard output: with --json doc as one line of JSON, otherwise what text writes.
func (r *run) show(doc any, text func(p *page)) error {
	if r.json {
		enc := json.NewEncoder(r.Stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(doc)
	}
	p := &page{w: r.Stdout}
	text(p)
	return p.err
}

// page writes text for people. It keeps the first error and writes nothing after it.
type page struct {
	w   io.Writer
	err error
}

// line writes the sentence command.<key> of the catalogue. pairs fill its placeholders.
func (p *page) line(key string, pairs ...any) {
	p.raw(message.English().Text("command."+key, pairs...) + "\n")
}

// raw writes text as it is.
func (p *page) raw(text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, text)
	}
}

// fields writes pairs of label and value in two columns. A label is a key of the catalogue; a pair with an empty
// value is left out.
func (p *page) fields(pairs ...any) {
	t := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := cell(pairs[i+1]); v != "" {
			fmt.Fprintf(t, "%s\t%s\n", label(fmt.Sprint(pairs[i])), v)
		}
	}
	p.flush(t)
}

// table writes rows in columns under headings, which are keys of the catalogue. An empty cell prints as "-".
func (p *page) table(headings []string, rows [][]any) {
	t := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	words := make([]string, len(headings))
	for i, h := range headings {
		words[i] = strings.ToUpper(label(h))
	}
	fmt.Fprintln(t, strings.Join(words, "\t"))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, v := range row {
			if cells[i] = cell(v); cells[i] == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	p.flush(t)
}

// flush writes the columns that t has collected.
func (p *page) flush(t *tabwriter.Writer) {
	if err := t.Flush(); p.err == nil {
		p.err = err
	}
}

// label is the word command.label.<key> of the catalogue.
func label(key string) string { return message.English().Text("command.label." + key) }

// cell formats a value for a terminal, on one line. Control characters and marks that change the direction of writing
// become "?", so that stored text cannot command the terminal. Times are local; the zero time is empty.
func cell(v any) string {
	var s string
	switch v := v.(type) {
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.Local().Format("2006-01-02 15:04:05")
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	case []string:
		s = strings.Join(v, ", ")
	default:
		s = fmt.Sprint(v)
	}
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c >= 0x7f && c < 0xa0 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
			return '?'
		}
		return c
	}, s)
}

// stamp formats a time for a JSON document: RFC 3339 in UTC, null for the zero time.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(time.RFC3339)
	return &s
}

// problem is a failure in a JSON document, on standard error.
type problem struct {
	Error   string `json:"error"`   // a code of internal/base/errs, or "usage"
	Message string `json:"message"` // for the operator
}

// fail prints on standard error, in one line, what happened and what to do next.
func (r *run) fail(err error) {
	code, text := sentence(err)
	r.complain(code, text)
}

// usage prints what was not understood, and which command line prints the help for it. asked may be nil.
func (r *run) usage(err error, asked *kong.Context) {
	help := "countersign --help"
	if asked != nil {
		help = helpOf(asked)
	}
	r.complain("usage", strings.TrimRight(err.Error(), ".?")+". See: "+help)
}

// complain prints a failure on standard error, as a sentence or as JSON.
func (r *run) complain(code, text string) {
	text = oneLine(text)
	if r.json {
		// When standard error is closed, nobody can be informed.
		_ = json.NewEncoder(r.Stderr).Encode(problem{Error: code, Message: text})
		return
	}
	fmt.Fprintf(r.Stderr, "countersign: %s\n", cell(text))
}

// oneLine joins the lines of a text with spaces.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// sentence returns the code of an error and its sentence in the catalogue: command.error.<code>, which is meant for
// operators, or else error.<code>, which is meant for everybody. The cause is added, because the reader is the
// operator.
func sentence(err error) (code, text string) {
	e := errs.Of(err)
	pairs := make([]any, 0, 2*len(e.Args))
	for k, v := range e.Args {
		pairs = append(pairs, k, v)
	}
	for _, key := range []string{"command.error." + e.Code, "error." + e.Code} {
		if e.Code != "internal" && message.Has(key) {
			text = message.English().Text(key, pairs...)
			break
		}
	}
	switch {
	case text == "" && e.Cause != nil:
		text = e.Cause.Error()
	case text == "":
		text = err.Error()
	case e.Cause != nil && !strings.Contains(text, e.Cause.Error()):
		text += " (" + e.Cause.Error() + ")"
	}
	return e.Code, text
}
