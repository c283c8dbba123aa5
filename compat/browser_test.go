package compat

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser walks the prompt's pages as a browser without scripts does: it follows redirects, keeps
// cookies and posts forms. It stops at the application's address.
type browser struct {
	t      *testing.T
	client *http.Client
	until  string // prefix of the application's address
	page   *html.Node
	at     *url.URL
	back   *url.URL // where the application was reached
}

var errBack = errors.New("back at the application")

func (d *demo) browser(until string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	b := &browser{t: d.t, until: until}
	b.client = d.http(jar, func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), b.until) {
			b.back = r.URL
			return errBack
		}
		return nil
	})
	return b
}

func (b *browser) send(r *http.Request) {
	b.t.Helper()
	if err := b.try(r); err != nil {
		b.t.Fatal(err)
	}
}

// try is send for a server that may be away.
func (b *browser) try(r *http.Request) error {
	answer, err := b.client.Do(r)
	if errors.Is(err, errBack) {
		return nil
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 500 {
		return fmt.Errorf("%s answered %s", r.URL.Path, answer.Status)
	}
	page, err := html.Parse(answer.Body)
	if err == nil {
		b.at, b.page = answer.Request.URL, page
	}
	return err
}

func (b *browser) open(address string) {
	b.t.Helper()
	r, err := http.NewRequest("GET", address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.send(r)
}

// submit posts the first form whose action ends in suffix with the values it shows and those
// given. False when the page has no such form.
func (b *browser) submit(suffix string, values url.Values) bool {
	b.t.Helper()
	r := b.form(suffix, values)
	if r != nil {
		b.send(r)
	}
	return r != nil
}

// form is the request that submit sends, nil without such a form.
func (b *browser) form(suffix string, values url.Values) *http.Request {
	b.t.Helper()
	for node := range b.page.Descendants() {
		action, err := b.at.Parse(attribute(node, "action"))
		if node.Type != html.ElementNode || node.Data != "form" || err != nil || !strings.HasSuffix(action.Path, suffix) {
			continue
		}
		form := url.Values{}
		for field := range node.Descendants() {
			if name := attribute(field, "name"); field.Data == "input" && name != "" {
				form.Set(name, attribute(field, "value"))
			}
		}
		for name := range values {
			form.Set(name, values.Get(name))
		}
		r, err := http.NewRequest("POST", action.String(), strings.NewReader(form.Encode()))
		if err != nil {
			b.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.at.Scheme+"://"+b.at.Host)
		return r
	}
	return nil
}

// text is what the page says, for failure messages.
func (b *browser) text() string {
	var words []string
	for node := range b.page.Descendants() {
		if node.Type == html.TextNode {
			words = append(words, strings.Fields(node.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// signIn opens the application's address for the prompt, gives a code and goes on until the
// application is reached. It returns the query the application gets.
func (b *browser) signIn(address, code string) url.Values {
	b.t.Helper()
	b.open(address)
	if b.back == nil && !b.submit("/code", url.Values{"code": {code}}) {
		b.open(b.at.Scheme + "://" + b.at.Host + strings.TrimSuffix(b.at.Path, "/") + "/code")
		if !b.submit("/code", url.Values{"code": {code}}) {
			b.t.Fatalf("no code form at %s: %s", b.at.Path, b.text())
		}
	}
	for range 4 { // offers that may stand between the proof and the application
		if b.back != nil {
			return b.back.Query()
		}
		if !b.submit("/continue", nil) && !b.submit("/later", nil) {
			break
		}
	}
	b.t.Fatalf("the prompt does not lead back; at %s it says: %s", b.at.Path, b.text())
	return nil
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
