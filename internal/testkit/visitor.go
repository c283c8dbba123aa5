package testkit

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	duo "github.com/duosecurity/duo_universal_golang/duouniversal"

	"countersign/internal/domain/application"
)

// Visitor is a browser without a screen: it keeps cookies, follows redirects on the program's own
// pages and stops where one leads elsewhere, reads the page and sends its forms.
type Visitor struct {
	At     *url.URL // address of the page on show
	Page   string   // its HTML
	Status int
	Left   *url.URL // set when the last answer led to another site, e.g. back to the application

	t    testing.TB
	http *http.Client
	home string
}

// Visitor opens a new browser.
func (p *Program) Visitor() *Visitor {
	c := p.Client()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	c.Jar = jar
	v := &Visitor{t: p.t, http: c, home: p.URL}
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Scheme+"://"+r.URL.Host != p.URL {
			v.Left = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}
	return v
}

// Open goes to an address, a path of the program or a whole URL.
func (v *Visitor) Open(address string) {
	v.t.Helper()
	v.take(v.http.Get(v.absolute(address)))
}

// Send posts a form to an address with its form token, or the page's first when no form leads there, and the given
// name, value pairs.
func (v *Visitor) Send(address string, fields ...string) {
	v.t.Helper()
	form := url.Values{}
	const field = `name="form_token" value="([^"]*)"`
	token := v.Find(`action="` + regexp.QuoteMeta(html.EscapeString(address)) + `"[^>]*>\s*<input type="hidden" ` + field)
	if token == "" {
		token = v.Find(field)
	}
	if token != "" {
		form.Set("form_token", token)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	v.take(v.http.PostForm(v.absolute(address), form))
}

func (v *Visitor) take(r *http.Response, err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	v.At, v.Page, v.Status = r.Request.URL, string(body), r.StatusCode
}

func (v *Visitor) absolute(address string) string {
	v.Left = nil
	if strings.HasPrefix(address, "/") {
		return v.home + address
	}
	return address
}

// Find gives the first group of the first match on the page, or "".
func (v *Visitor) Find(pattern string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(v.Page)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[len(m)-1])
}

// Must is Find that ends the test when nothing matches.
func (v *Visitor) Must(pattern string) string {
	v.t.Helper()
	found := v.Find(pattern)
	if found == "" {
		v.t.Fatalf("%s (status %d) has no %s:\n%s", v.At, v.Status, pattern, v.Page)
	}
	return found
}

// Screen is the page's name, the data-screen of its body.
func (v *Visitor) Screen() string { return v.Find(`<body data-screen="([^"]*)"`) }

// Number is the number the page asks to type on the phone, "" when it shows none.
func (v *Visitor) Number() string {
	block := v.Find(`(?s)class="digits[^>]*>(.*?)</p>`)
	return regexp.MustCompile(`\D`).ReplaceAllString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(block, ""), "")
}

// SDK is the official client of an application, as its developer would set it up.
func (p *Program) SDK(a application.Application, secret, redirectURI string) *duo.Client {
	p.t.Helper()
	c, err := duo.NewClient(a.ID, secret, p.APIHost, redirectURI, duo.WithHTTPClient(p.Client()))
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// SignIn sends the visitor from an application to the prompt, as the application does, and gives
// the state to compare with the one that comes back.
func (v *Visitor) SignIn(sdk *duo.Client, username string) (state string) {
	v.t.Helper()
	state, err := sdk.GenerateState()
	if err != nil {
		v.t.Fatal(err)
	}
	address, err := sdk.CreateAuthURL(username, state)
	if err != nil {
		v.t.Fatal(err)
	}
	v.Open(address)
	return state
}

// Cookie is the Cookie header the browser sends to the program.
func (v *Visitor) Cookie() string {
	var all []string
	for _, c := range v.http.Jar.Cookies(v.At) {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}
