package command

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// parserWords replaces the parser's words for a mistake by words for people who did not write the parser.
var parserWords = []struct {
	theirs *regexp.Regexp
	ours   string
}{
	{regexp.MustCompile(`^(--[a-z-]+): expected \w+ value but got "EOL".*`), "$1 needs a value"},
	{regexp.MustCompile(`^(--[a-z-]+): expected \w+ value but got "(-[^"]*)" \(short flag\).*`), "$1 does not take $2"},
	{regexp.MustCompile(`^missing flags: `), "missing: "},
	{regexp.MustCompile(`^(missing positional arguments|expected) "?(<[^"]*>)"?`), "missing: $2"},
	{regexp.MustCompile(`expected a valid \d+ bit int but got`), "expected a whole number, not"},
	{regexp.MustCompile(`bool value must be .* but got`), "expected yes or no, not"},
	{regexp.MustCompile(`must be one of ("",)?(.*) but got`), "is one of $2, not"},
	{regexp.MustCompile(`","`), `", "`},
}

// misread turns an error of the parser into one sentence.
func misread(err error) error {
	var p *kong.ParseError
	if !errors.As(err, &p) || p.Context == nil {
		return err
	}
	text := strings.TrimRight(err.Error(), ".?")
	if strings.HasPrefix(text, "expected one of") { // the parser's own list is incomplete
		var names []string
		for _, c := range at(p.Context).Children {
			names = append(names, c.Name)
		}
		return fmt.Errorf("one of these is missing: %s", strings.Join(names, ", "))
	}
	for _, w := range parserWords {
		text = w.theirs.ReplaceAllString(text, w.ours)
	}
	return errors.New(text)
}

// at returns the last command on the line that was understood.
func at(c *kong.Context) *kong.Node {
	node := c.Model.Node
	for _, p := range c.Path {
		if p.Command != nil {
			node = p.Command
		}
	}
	return node
}

// helpOf returns the command line that prints the help of the command that was understood.
func helpOf(c *kong.Context) string {
	words := ""
	for n := at(c); n.Parent != nil; n = n.Parent {
		words = " " + n.Name + words
	}
	return "countersign" + words + " --help"
}
