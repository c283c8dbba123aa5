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

// Visitor is a browser without a screen or scripts. It keeps cookies, reads pages and sends their forms. It follows
// redirects within the program and stops at one that leads to another site.
type Visitor struct {
	At     *url.URL // address of the present page
	Page   string   // its HTML
	Status int      // its HTTP status
	Left   *url.URL // set if the last answer redirected to another site, such as the application; otherwise nil

	t    testing.TB
	http *http.Client
	home string
}

// Visitor returns a new browser without cookies.
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

// Open gets a page. The address is a path of the program or a whole URL. A failed connection ends the test.
func (v *Visitor) Open(address string) {
	v.t.Helper()
	v.take(v.http.Get(v.absolute(address)))
}

// Send posts a form to an address. The fields are pairs of name and value. The form token is that of the form with
// this address, or the first on the page if there is no such form.
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

// take reads an answer as the present page.
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

// absolute makes a URL of a path, and forgets that an earlier answer left the program.
func (v *Visitor) absolute(address string) string {
	v.Left = nil
	if strings.HasPrefix(address, "/") {
		return v.home + address
	}
	return address
}

// Find returns the last group of the first match on the page, with HTML entities decoded. If the pattern has no
// group it returns the match, and "" if nothing matches.
func (v *Visitor) Find(pattern string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(v.Page)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[len(m)-1])
}

// Must is Find, and ends the test if that returns "".
func (v *Visitor) Must(pattern string) string {
	v.t.Helper()
	found := v.Find(pattern)
	if found == "" {
		v.t.Fatalf("%s (status %d) has no %s:\n%s", v.At, v.Status, pattern, v.Page)
	}
	return found
}

// Screen returns the page's name, which is the data-screen attribute of its body.
func (v *Visitor) Screen() string { return v.Find(`<body data-screen="([^"]*)"`) }

// Number returns the digits that the page asks the person to type on the phone, or "".
func (v *Visitor) Number() string {
	block := v.Find(`(?s)class="digits[^>]*>(.*?)</p>`)
	return regexp.MustCompile(`\D`).ReplaceAllString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(block, ""), "")
}

// SDK returns the official client library of an application, set up as its developer would.
func (p *Program) SDK(a application.Application, secret, redirectURI string) *duo.Client {
	p.t.Helper()
	c, err := duo.NewClient(a.ID, secret, p.APIHost, redirectURI, duo.WithHTTPClient(p.Client()))
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// SignIn sends the visitor from an application to the prompt, as the application does. It returns the state, which
// must come back with the redirect to the application.
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

// Cookie returns the Cookie header that the browser would send with the present page's address.
func (v *Visitor) Cookie() string {
	var all []string
	for _, c := range v.http.Jar.Cookies(v.At) {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}
