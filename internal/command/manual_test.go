package command

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var (
	asRun = regexp.MustCompile(`^(?:runuser -u \w+ -- )?(?:go run \./cmd/countersign|countersign) ([^#…]+)(?:#.*)?$`)
	word  = regexp.MustCompile(`"[^"]*"|\S+`)
)

func TestEveryCommandOfTheManualIsUnderstood(t *testing.T) {
	pages := []string{"../../README.md", "../../SECURITY.md"}
	for _, folder := range []string{"*.md", "*/*.md"} {
		more, err := filepath.Glob("../../docs/" + folder)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	found := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, said := range codeOf(string(text)) {
			m := asRun.FindStringSubmatch(said)
			if m == nil || said == "countersign phone" { // a family of commands, not one
				continue
			}
			found++
			args := word.FindAllString(m[1], -1)
			for i, a := range args {
				args[i] = strings.Trim(a, `"`)
			}
			parser, err := kong.New(&grammar{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(args); err != nil {
				t.Errorf("%s: %s: %v", page, said, err)
			}
		}
	}
	if found < 30 {
		t.Errorf("found only %d commands; the test looks in the wrong place", found)
	}
}

// codeOf lists the spans of code of a page, and the lines of its blocks.
func codeOf(page string) (list []string) {
	for i, part := range strings.Split(page, "```") {
		if i%2 == 1 {
			list = append(list, strings.Split(part, "\n")...)
			continue
		}
		for j, span := range strings.Split(part, "`") {
			if j%2 == 1 {
				list = append(list, span)
			}
		}
	}
	return list
}
