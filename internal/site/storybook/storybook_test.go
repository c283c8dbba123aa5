package storybook

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"countersign/internal/site/web"
)

// walk calls visit for n and every node below it.
func walk(n *html.Node, visit func(*html.Node)) {
	visit(n)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		walk(c, visit)
	}
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// text is what a person reads or hears of n and the nodes below it.
func text(n *html.Node) string {
	var b strings.Builder
	walk(n, func(n *html.Node) {
		if n.Type == html.TextNode && n.Parent.Data != "script" {
			b.WriteString(n.Data + " ")
		}
		for _, name := range []string{"aria-label", "alt", "placeholder"} {
			if v, ok := attr(n, name); ok {
				b.WriteString(v + " ")
			}
		}
	})
	return strings.Join(strings.Fields(b.String()), " ")
}

func eachStory(t *testing.T, check func(t *testing.T, raw []byte, doc *html.Node)) {
	pages, _, err := Renderer()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Stories() {
		t.Run(s.Name, func(t *testing.T) {
			raw, err := pages.Render(web.Words{Now: Now}, s.Page)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := html.ParseWithOptions(bytes.NewReader(raw), html.ParseOptionEnableScripting(false))
			if err != nil {
				t.Fatal(err)
			}
			check(t, raw, doc)
		})
	}
}

func TestEveryPageHasOneTitleALanguageAndAMainPart(t *testing.T) {
	eachStory(t, func(t *testing.T, _ []byte, doc *html.Node) {
		count := map[string]int{}
		ids := map[string]bool{}
		walk(doc, func(n *html.Node) {
			if n.Type != html.ElementNode {
				return
			}
			count[n.Data]++
			if n.Data == "html" {
				lang, _ := attr(n, "lang")
				dir, _ := attr(n, "dir")
				if lang != "en" || dir != "ltr" {
					t.Errorf("lang=%q dir=%q", lang, dir)
				}
			}
			if n.Data == "body" {
				if screen, _ := attr(n, "data-screen"); screen == "" {
					t.Error("no data-screen")
				}
			}
			if id, ok := attr(n, "id"); ok {
				if ids[id] {
					t.Errorf("id %s twice", id)
				}
				ids[id] = true
			}
		})
		for _, one := range []string{"h1", "main", "title", "footer"} {
			if count[one] != 1 {
				t.Errorf("%d times <%s>", count[one], one)
			}
		}
		walk(doc, func(n *html.Node) {
			if n.Data == "title" && len(strings.Fields(strings.Split(text(n), " · ")[0])) > 12 {
				t.Errorf("title of more than 12 words: %s", text(n))
			}
		})
	})
}

func TestEveryFieldHasALabelAndEveryReferenceATarget(t *testing.T) {
	eachStory(t, func(t *testing.T, _ []byte, doc *html.Node) {
		labelled, ids := map[string]bool{}, map[string]bool{}
		walk(doc, func(n *html.Node) {
			if id, ok := attr(n, "id"); ok {
				ids[id] = true
			}
			if n.Data == "label" {
				id, _ := attr(n, "for")
				labelled[id] = true
			}
		})
		walk(doc, func(n *html.Node) {
			kind, _ := attr(n, "type")
			if n.Data == "input" && kind != "hidden" {
				id, _ := attr(n, "id")
				if (n.Parent.Data != "label") && (id == "" || !labelled[id]) {
					t.Errorf("input %v without label", n.Attr)
				}
			}
			for _, name := range []string{"aria-describedby", "form"} {
				if v, ok := attr(n, name); ok {
					for _, id := range strings.Fields(v) {
						if !ids[id] {
							t.Errorf("%s=%q points nowhere", name, id)
						}
					}
				}
			}
			if (n.Data == "button" || n.Data == "a") && text(n) == "" {
				t.Errorf("%s without words", n.Data)
			}
			if n.Data == "button" && kind != "button" {
				if _, hasForm := attr(n, "form"); !hasForm && !inside(n, "form") {
					t.Error("button outside a form")
				}
			}
			if n.Data == "form" && !strings.Contains(render(n), `name="form_token"`) {
				t.Error("form without token")
			}
		})
	})
}

func inside(n *html.Node, tag string) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == tag {
			return true
		}
	}
	return false
}

func render(n *html.Node) string {
	var b bytes.Buffer
	_ = html.Render(&b, n) // into memory: cannot fail
	return b.String()
}

func TestNoPageNeedsInlineStyleOrScript(t *testing.T) {
	eachStory(t, func(t *testing.T, _ []byte, doc *html.Node) {
		walk(doc, func(n *html.Node) {
			if n.Data == "style" || n.Data == "script" && n.FirstChild != nil {
				t.Errorf("inline <%s>", n.Data)
			}
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("attribute %s=%q", a.Key, a.Val)
				}
				if (a.Key == "src" || a.Key == "href") && n.Data != "a" && !strings.HasPrefix(a.Val, "/static/") {
					t.Errorf("<%s> loads %s", n.Data, a.Val)
				}
			}
		})
	})
}

// banned are words that pages do not use (PAGE-5).
var banned = regexp.MustCompile(`(?i)\b(2fa|mfa|two-factor|multi-factor|factor|passcode|authenticate|authentication|authenticator|enrol|enroll|enrolled|enrolment|enrollment|bypass|duo|token|invalid|your device)\b|!`)

func TestEverySentenceIsInTheCatalogueAndUsesPlainWords(t *testing.T) {
	eachStory(t, func(t *testing.T, _ []byte, doc *html.Node) {
		words := text(doc)
		if strings.ContainsAny(words, "⟦⟧{}") {
			t.Errorf("a sentence is missing or has an open place: %s", words)
		}
		if hit := banned.FindString(strings.ReplaceAll(words, "mfa.example.edu", "")); hit != "" {
			t.Errorf("%q in: %s", hit, words)
		}
	})
}

func TestAPageWithAllItLoadsIsSmall(t *testing.T) {
	_, assets, err := Renderer()
	if err != nil {
		t.Fatal(err)
	}
	eachStory(t, func(t *testing.T, raw []byte, doc *html.Node) {
		total, script := len(raw), 0
		walk(doc, func(n *html.Node) {
			for _, a := range n.Attr {
				if (n.Data == "script" && a.Key == "src") || (n.Data == "link" && a.Key == "href" && strings.HasSuffix(a.Val, ".css")) {
					rec := httptest.NewRecorder()
					assets.ServeHTTP(rec, httptest.NewRequest("GET", a.Val, nil))
					total += rec.Body.Len()
					if n.Data == "script" {
						script += rec.Body.Len()
					}
				}
			}
		})
		if total += len(assets.Bytes("live.js")) + len(assets.Bytes("favicon.svg")); total > 45<<10 {
			t.Errorf("%d bytes", total)
		}
		if script+len(assets.Bytes("live.js")) > 15<<10 {
			t.Errorf("%d bytes of script", script)
		}
	})
}

func TestTheStorybookServesEveryStory(t *testing.T) {
	h := Handler()
	for _, path := range []string{"/", "/push-sent?theme=dark", "/devices?dir=rtl"} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		if rec.Code != http.StatusOK || rec.Body.Len() == 0 {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}
