package demo

import (
	"bytes"
	"crypto/subtle"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	duo "github.com/duosecurity/duo_universal_golang/duouniversal"

	"countersign/internal/base/id"
	"countersign/internal/site/web"
)

// sampleLife is how long the sample application remembers a browser.
const sampleLife = time.Hour

// payroll is the sample application: another program that happens to run in this one. All it
// knows of the product is the official client, its key, its secret and an address. It shows the
// three things an integration must do right: ask first whether the service is there, compare the
// state, and forget a sign-in that came back, so that the Back button opens nothing (P47).
type payroll struct {
	Client   *duo.Client
	Origin   *url.URL // where the pages are: only scheme and host of the client's address are replaced
	People   func() []Person
	Cookies  web.Cookies
	Style    func() (string, error) // address of its style sheet
	Rand     io.Reader
	Now      func() time.Time
	Log      *slog.Logger
	mu       sync.Mutex
	sessions map[string]*visit
}

// visit is one browser at the sample application.
type visit struct {
	Since    time.Time
	Username string // the password was right
	State    string // of the sign-in that is under way, "" when none
	Done     bool   // the second step was done too
	Factor   string // how, as the client library names it
}

// How says it in words.
func (v *visit) How() string {
	switch v.Factor {
	case "duo_push", "verified_duo_push":
		return "a request on the phone"
	case "duo_mobile_passcode":
		return "a code from the phone"
	case "bypass_code":
		return "a one-time code"
	}
	return "the second step"
}

var sampleLayout = template.Must(template.ParseFS(files, "sample.html", "samples.html"))

// samplePage is everything the sample application can show.
type samplePage struct {
	Style, Title, Error, Detail string
	Username                    string
	Visit                       *visit
	People                      []Person
}

func (samplePage) App() string  { return "Payroll" }
func (samplePage) At() string   { return "/sample/" }
func (samplePage) Hint() string { return "This is a sample application." }

func (p *payroll) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /sample/{$}", p.show)
	mux.HandleFunc("POST /sample/login", p.login)
	mux.HandleFunc("GET /sample/callback", p.callback)
	mux.HandleFunc("POST /sample/logout", p.logout)
}

func (p *payroll) show(w http.ResponseWriter, r *http.Request) {
	v, _ := p.visitOf(r)
	page := samplePage{Title: "Sign in", People: p.People()}
	if v != nil && v.Done {
		page.Title, page.Visit = "Your payslips", v
	}
	p.write(w, http.StatusOK, page)
}

// login checks the password, then sends the browser on to prove who is there.
func (p *payroll) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, web.FormLimit)
	username := strings.TrimSpace(r.PostFormValue("username"))
	if !p.knows(username, r.PostFormValue("password")) {
		p.write(w, http.StatusForbidden, samplePage{Title: "Sign in", Error: "Wrong name or password.", Username: username, People: p.People()})
		return
	}
	if _, err := p.Client.HealthCheck(); err != nil {
		p.fail(w, http.StatusBadGateway, "The second step is not available. Payroll stays closed until it is.", err)
		return
	}
	state, err := p.Client.GenerateState()
	if err != nil {
		p.fail(w, http.StatusBadGateway, "The sign-in could not be started.", err)
		return
	}
	address, err := p.Client.CreateAuthURL(username, state)
	if err != nil {
		p.fail(w, http.StatusBadGateway, "The sign-in could not be started.", err)
		return
	}
	there, err := url.Parse(address)
	if err != nil {
		p.fail(w, http.StatusBadGateway, "The sign-in could not be started.", err)
		return
	}
	there.Scheme, there.Host = p.Origin.Scheme, p.Origin.Host
	p.remember(w, &visit{Since: p.Now(), Username: username, State: state})
	http.Redirect(w, r, there.String(), http.StatusSeeOther)
}

// callback takes the browser back. The state is used up before anything else is looked at.
func (p *payroll) callback(w http.ResponseWriter, r *http.Request) {
	v, name := p.visitOf(r)
	q := r.URL.Query()
	if v == nil || v.State == "" || subtle.ConstantTimeCompare([]byte(v.State), []byte(q.Get("state"))) != 1 {
		p.fail(w, http.StatusForbidden, "This sign-in was already used or belongs to another window. Sign in again.", nil)
		return
	}
	p.forget(name)
	if q.Get("error") != "" {
		p.fail(w, http.StatusForbidden, "The sign-in was not finished.", nil)
		return
	}
	code := q.Get("duo_code")
	if code == "" {
		code = q.Get("code")
	}
	result, err := p.Client.ExchangeAuthorizationCodeFor2faResult(code, v.Username)
	if err != nil {
		p.fail(w, http.StatusForbidden, "The sign-in could not be confirmed. Sign in again.", err)
		return
	}
	// A fresh session for the signed-in visitor, so that nobody who knew the old one has it.
	p.remember(w, &visit{Since: p.Now(), Username: v.Username, Done: true, Factor: result.AuthContext.Factor})
	http.Redirect(w, r, "/sample/", http.StatusSeeOther)
}

func (p *payroll) logout(w http.ResponseWriter, r *http.Request) {
	if _, name := p.visitOf(r); name != "" {
		p.forget(name)
	}
	p.Cookies.Clear(w, "payroll")
	http.Redirect(w, r, "/sample/", http.StatusSeeOther)
}

func (p *payroll) knows(username, password string) bool {
	for _, person := range p.People() {
		if strings.EqualFold(person.Username, username) {
			return subtle.ConstantTimeCompare([]byte(person.Password), []byte(password)) == 1
		}
	}
	return false
}

func (p *payroll) visitOf(r *http.Request) (*visit, string) {
	name := p.Cookies.Get(r, "payroll")
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.sessions[name]
	if v == nil || p.Now().Sub(v.Since) > sampleLife {
		return nil, ""
	}
	return v, name
}

func (p *payroll) remember(w http.ResponseWriter, v *visit) {
	name := id.Token(p.Rand, 24)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions == nil {
		p.sessions = map[string]*visit{}
	}
	for old, o := range p.sessions {
		if p.Now().Sub(o.Since) > sampleLife || len(p.sessions) > 10_000 {
			delete(p.sessions, old)
		}
	}
	p.sessions[name] = v
	p.Cookies.Set(w, "payroll", name, 0)
}

func (p *payroll) forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, name)
}

func (p *payroll) fail(w http.ResponseWriter, status int, what string, err error) {
	page := samplePage{Title: "Not signed in", Error: what}
	if err != nil {
		page.Detail = err.Error()
		p.Log.Info("sample application: the client reported an error", "error", err)
	}
	p.write(w, status, page)
}

func (p *payroll) write(w http.ResponseWriter, status int, page samplePage) {
	var err error
	var out bytes.Buffer
	if page.Style, err = p.Style(); err == nil {
		err = sampleLayout.Execute(&out, page)
	}
	if err != nil {
		p.Log.Error("sample application", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // a visitor who left is no error
}
