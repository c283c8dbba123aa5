package architecture_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// row is one behavior: its id, what happens, and the tests that show it.
type row struct {
	id, sentence string
	shown        []string // "TestName", or "folder/file.test.mjs › title"
	at           string   // file:line
}

var (
	// rowID finds the id of a row where a comment, a string or a page names it.
	rowID = regexp.MustCompile(`\b(?:AC-\d{3}|(?:RULE|FAIL|PAGE|WIRE)-\d{1,2}|[A-Z]-\d{2}|R-\d)\b`)
	// rowInName finds the id in the name of a test: TestAC034…, TestRule32….
	rowInName = regexp.MustCompile(`AC\d{3}|Rule\d{1,2}`)
	span      = regexp.MustCompile("`([^`]+)`")
	testName  = regexp.MustCompile(`^(?:Test|Fuzz)\w+$`)
)

// astray finds references to papers that are not in the repository, and to decisions without the four digits of a page.
var astray = func() (list []*regexp.Regexp) {
	const gap = `(?:\s|//)+` // also over the end of a line of a comment
	for _, form := range []string{
		`(?i:\bdecisions?)` + gap + `\d{1,3}\b`,
		`(?i:\b(?:security|ux|protocols))` + gap + `§?\d`,
		`\b(?:security|ux|protocols|features|wording)\.md\b`,
		`\b[Ff]eatures` + gap + `[A-Z]\b`,
		`(?i:\bwireframes?)` + gap + `\d`,
		`\bS[0-4]` + gap + `step\b`,
		`\bP(?:[1-9]|[1-4]\d)\b`, // not the percentiles
		`\([AI]\d{1,2}[,)]`,
	} {
		list = append(list, regexp.MustCompile(form))
	}
	return list
}()

var pageOfDecision = regexp.MustCompile(`(?i:\bdecision)(?:\s|//)+(\d{4})\b`)

// piece is text in which ids are looked for: a comment, a string or a name of a Go file, or another file as a whole.
type piece struct {
	line int
	name bool // of a Go identifier
	text string
}

// pieces takes a file apart. Lines of one comment stay together, since a reference may run over them.
func pieces(path string, source []byte) (list []piece) {
	if !strings.HasSuffix(path, ".go") {
		return []piece{{1, false, string(source)}}
	}
	var s scanner.Scanner
	set := token.NewFileSet()
	f := set.AddFile(path, -1, len(source))
	s.Init(f, source, nil, scanner.ScanComments)
	for end := -1; ; { // the line on which the last comment ended
		pos, tok, text := s.Scan()
		line := f.Line(pos)
		switch {
		case tok == token.EOF:
			return list
		case tok == token.COMMENT && line == end+1:
			list[len(list)-1].text += "\n" + text
		case tok == token.COMMENT, tok == token.STRING, tok == token.IDENT:
			list = append(list, piece{line, tok == token.IDENT, text})
		}
		if tok == token.COMMENT {
			end = line + strings.Count(text, "\n")
		} else if text != "\n" { // the end of a line of code stands before its comment
			end = -1
		}
	}
}

// references reports the ids that a file names, with their places, and what leads astray in it.
func references(path string, source []byte) (ids map[string]string, strays []string) {
	ids = map[string]string{}
	for _, p := range pieces(path, source) {
		at := func(offset int) string {
			return fmt.Sprintf("%s:%d", path, p.line+strings.Count(p.text[:offset], "\n"))
		}
		if p.name {
			if testName.MatchString(p.text) {
				for _, m := range rowInName.FindAllString(p.text, -1) {
					ids[strings.NewReplacer("AC", "AC-", "Rule", "RULE-").Replace(m)] = at(0)
				}
			}
			continue
		}
		for _, m := range rowID.FindAllStringIndex(p.text, -1) {
			ids[p.text[m[0]:m[1]]] = at(m[0])
		}
		for _, form := range astray {
			for _, m := range form.FindAllStringIndex(p.text, -1) {
				strays = append(strays, at(m[0])+": "+strings.Join(strings.Fields(p.text[m[0]:m[1]]), " "))
			}
		}
		for _, m := range pageOfDecision.FindAllStringSubmatchIndex(p.text, -1) {
			if page, _ := filepath.Glob("../docs/decisions/" + p.text[m[2]:m[3]] + "-*.md"); len(page) == 0 {
				strays = append(strays, at(m[0])+": decision "+p.text[m[2]:m[3]])
			}
		}
	}
	return ids, strays
}

// rowsOf reads the tables of a page. A row that has not its three columns is a complaint.
func rowsOf(path, page string) (rows []row, complaints []string) {
	for i, line := range strings.Split(page, "\n") {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|-") || strings.HasPrefix(line, "| id |") {
			continue
		}
		at := fmt.Sprintf("%s:%d", path, i+1)
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 3 || rowID.FindString(cells[0]) != cells[0] || cells[1] == "" {
			complaints = append(complaints, at+": want | id | behavior | shown by |")
			continue
		}
		r := row{id: cells[0], sentence: cells[1], at: at}
		for _, m := range span.FindAllStringSubmatch(cells[2], -1) {
			r.shown = append(r.shown, m[1])
		}
		if len(r.shown) == 0 {
			complaints = append(complaints, at+": "+r.id+" names no test")
		}
		rows = append(rows, r)
	}
	return rows, complaints
}

// check holds rows against the ids that are used and the tests that exist.
func check(rows []row, used map[string]string, exists func(test string) bool) (complaints []string) {
	seen := map[string]string{}
	for _, r := range rows {
		if first := seen[r.id]; first != "" {
			complaints = append(complaints, fmt.Sprintf("%s: %s has a row already, at %s", r.at, r.id, first))
		}
		seen[r.id] = r.at
		for _, test := range r.shown {
			if !exists(test) {
				complaints = append(complaints, fmt.Sprintf("%s: %s is shown by %s, which does not exist", r.at, r.id, test))
			}
		}
	}
	for id, at := range used {
		if seen[id] == "" {
			complaints = append(complaints, fmt.Sprintf("%s: %s has no row in docs/behavior", at, id))
		}
	}
	return complaints
}

// texts visits the files of the repository in which people write: code, templates, styles and pages.
func texts(t *testing.T, visit func(path string, source []byte)) {
	t.Helper()
	kinds := map[string]bool{".go": true, ".mjs": true, ".js": true, ".tmpl": true, ".html": true, ".sql": true, ".css": true, ".md": true}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		if err != nil || entry.IsDir() {
			if path != ".." && strings.HasPrefix(name, ".") || name == "node_modules" {
				return filepath.SkipDir
			}
			return err
		}
		if !kinds[filepath.Ext(name)] || name == "behavior_test.go" {
			return nil
		}
		source, err := os.ReadFile(path)
		visit(strings.TrimPrefix(filepath.ToSlash(path), "../"), source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tests tells which tests exist: functions of Go files, and titles in files of browser and client tests.
func tests(t *testing.T) func(string) bool {
	names := map[string]bool{}
	for _, f := range tree(t) {
		for _, decl := range f.syntax.Decls {
			if d, ok := decl.(*ast.FuncDecl); ok && f.test && testName.MatchString(d.Name.Name) {
				names[d.Name.Name] = true
			}
		}
	}
	return func(test string) bool {
		file, title, browser := strings.Cut(test, " › ")
		if !browser {
			return names[test]
		}
		source, err := os.ReadFile(filepath.Join("..", file))
		quoted := "('" + strings.ReplaceAll(title, "'", `\'`) + "',"
		return err == nil && (bytes.Contains(source, []byte(quoted)) || bytes.Contains(source, []byte("(`"+title+"`,")))
	}
}

func TestEveryBehaviorHasOneRowAndATestThatShowsIt(t *testing.T) {
	used := map[string]string{}
	var rows []row
	texts(t, func(path string, source []byte) {
		if !strings.HasPrefix(path, "docs/behavior/") {
			ids, _ := references(path, source)
			for id, at := range ids {
				used[id] = at
			}
			return
		}
		more, complaints := rowsOf(path, string(source))
		rows = append(rows, more...)
		for _, c := range complaints {
			t.Error(c)
		}
	})
	if len(rows) < 100 {
		t.Fatalf("found only %d rows; the test looks in the wrong place", len(rows))
	}
	for _, c := range check(rows, used, tests(t)) {
		t.Error(c)
	}
}

func TestNoReferenceLeadsOutOfTheRepository(t *testing.T) {
	texts(t, func(path string, source []byte) {
		_, strays := references(path, source)
		for _, s := range strays {
			t.Errorf("%s: name a row of docs/behavior, or a page of docs/decisions by its four digits", s)
		}
	})
}

// The rules themselves, fed what is wrong.
func TestTheRulesOfBehaviorsSeeWhatTheyShould(t *testing.T) {
	source := `package p

// Both of AC-034, RULE-13: as security
// 4.4 and decision 13 said. P-256 and UTF-8 are no rows, and decision 0001 is a page.
func TestAC002AC037AndRule9(t *testing.T) { t.Error("X-14", P47, "ux 3.1") } // decision 9999
`
	ids, strays := references("p_test.go", []byte(source))
	same(t, "ids", fmt.Sprint(ids), "map[AC-002:p_test.go:5 AC-034:p_test.go:3 AC-037:p_test.go:5 RULE-13:p_test.go:3 RULE-9:p_test.go:5 X-14:p_test.go:5]")
	same(t, "strays", strings.Join(strays, ", "), "p_test.go:4: decision 13, p_test.go:3: security // 4, p_test.go:5: ux 3, p_test.go:5: decision 9999")
	for _, stray := range []string{"Decisions 30 and 31", "protocols 0.8", "(security 0 e)", "features D", "wireframe 7", "S0 step 11",
		"(P47)", "(A2, AC-048)", "ux.md 5.6", "<!-- decision 5 -->"} {
		if _, strays := references("page.md", []byte(stray)); len(strays) != 1 {
			t.Errorf("%q leads astray, and %d were found", stray, len(strays))
		}
	}

	page := "| id | behavior | shown by |\n|---|---|---|\n" +
		"| AC-001 | One. | `TestOne`, `e2e/a.test.mjs › works` |\n" +
		"| AC-1 | Two. | `TestTwo` |\n" +
		"| X-01 | Three. | none |\n" +
		"| X-02 | `TestFour` |\n" +
		"| AC-001 | Again. | `TestOne` |\n"
	rows, complaints := rowsOf("a.md", page)
	same(t, "complaints", strings.Join(complaints, ", "),
		"a.md:4: want | id | behavior | shown by |, a.md:5: X-01 names no test, a.md:6: want | id | behavior | shown by |")
	complaints = check(rows, map[string]string{"X-01": "a.go:1", "X-09": "b.go:2"}, func(test string) bool { return test == "TestOne" })
	same(t, "check", strings.Join(complaints, ", "), "a.md:3: AC-001 is shown by e2e/a.test.mjs › works, which does not exist, "+
		"a.md:7: AC-001 has a row already, at a.md:3, b.go:2: X-09 has no row in docs/behavior")
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s\nwant %s", what, got, want)
	}
}
