package demo

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/internal/adapter/mail"
	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
	"countersign/internal/site/web"
)

// errNoMail reports a mail that is not in the inbox.
var errNoMail = errs.New(errs.NotFound, "demo.mail")

// Person is one of the sample people, as the home page and --json list them.
type Person struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Enrolled bool   `json:"enrolled"`
	Note     string `json:"-"` // catalogue key of a sentence about the person's state
}

// pages are the demo's own pages: home, inbox and phones.
type pages struct {
	Site   *web.Site
	Inbox  *mail.Inbox
	Phones *virtual
	People func() []Person
	Now    func() time.Time
}

// routes adds the pages to mux. Their errors go through the product's own funnel.
func (p *pages) routes(mux *http.ServeMux) {
	mux.Handle("GET /{$}", p.Site.Handle(p.showHome))
	mux.Handle("GET /demo/inbox", p.Site.Handle(p.showInbox))
	mux.Handle("GET /demo/inbox.json", p.Site.Handle(p.inboxJSON))
	mux.Handle("GET /demo/inbox/{number}", p.Site.Handle(p.showMail))
	mux.Handle("GET /demo/phone", p.Site.Handle(p.showPhones))
	mux.Handle("POST /demo/phone", p.Site.Handle(p.pairPhone))
	mux.Handle("GET /demo/phone/{account}", p.Site.Handle(p.showPhone))
	mux.Handle("GET /demo/phone/{account}/news", p.Site.Handle(p.news))
	mux.Handle("POST /demo/phone/{account}", p.Site.Handle(p.answer))
	mux.Handle("POST /demo/phone/{account}/code", p.Site.Handle(p.makeCode))
	mux.Handle("POST /demo/phone/{account}/forget", p.Site.Handle(p.forgetPhone))
}

// homePage is the first page. It says what the demo is and what to try.
type homePage struct{ People []Person }

// Frame implements web.Page.
func (homePage) Frame(w web.Words) web.Frame {
	return frame("demo-home", "demo/home", w.S("demo.home.title"))
}

// frame is what the demo's pages have in common.
func frame(screen, template, title string, scripts ...string) web.Frame {
	return web.Frame{Screen: screen, Template: template, Title: title, Scripts: scripts, Wide: true,
		Org: web.Org{Name: organization}}
}

func (p *pages) showHome(w http.ResponseWriter, r *http.Request) error {
	return p.Site.Pages.Write(w, r, http.StatusOK, homePage{People: p.People()})
}

// inboxPage lists the mail that would have been sent.
type inboxPage struct{ Mails []mail.Kept }

// Frame implements web.Page.
func (inboxPage) Frame(w web.Words) web.Frame {
	return frame("demo-inbox", "demo/inbox", w.S("demo.inbox.title"), "demo.js")
}

func (p *pages) showInbox(w http.ResponseWriter, r *http.Request) error {
	return p.Site.Pages.Write(w, r, http.StatusOK, inboxPage{Mails: p.Inbox.Messages()})
}

// mailPage shows one mail's text with its links.
type mailPage struct {
	Mail  mail.Kept
	Lines []line
}

// line is one line of a mail. Link says that the whole line is an address.
type line struct {
	Text string
	Link bool
}

// Frame implements web.Page.
func (m mailPage) Frame(web.Words) web.Frame { return frame("demo-mail", "demo/mail", m.Mail.Subject) }

func (p *pages) showMail(w http.ResponseWriter, r *http.Request) error {
	for _, m := range p.Inbox.Messages() {
		if strconv.Itoa(m.Number) != r.PathValue("number") {
			continue
		}
		page := mailPage{Mail: m}
		for text := range strings.SplitSeq(m.Text, "\n") {
			page.Lines = append(page.Lines, line{Text: text, Link: strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")})
		}
		return p.Site.Pages.Write(w, r, http.StatusOK, page)
	}
	return errNoMail
}

// inboxJSON returns the mails for tests: [{number, at, to, subject, text, html}], newest first.
func (p *pages) inboxJSON(w http.ResponseWriter, _ *http.Request) error {
	type row struct {
		Number  int       `json:"number"`
		At      time.Time `json:"at"`
		To      string    `json:"to"`
		Subject string    `json:"subject"`
		Text    string    `json:"text"`
		HTML    string    `json:"html"`
	}
	rows := []row{}
	for _, m := range p.Inbox.Messages() {
		rows = append(rows, row{m.Number, m.At, m.To, m.Subject, m.Text, m.HTML})
	}
	return sendJSON(w, rows)
}

func sendJSON(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(body)
	return err
}

// phonesPage lists the virtual phones.
type phonesPage struct {
	Phones []phonewire.Account
	Error  *errs.Error // of the pairing just tried; nil: none
	Typed  string      // what was typed there
}

// Frame implements web.Page.
func (phonesPage) Frame(w web.Words) web.Frame {
	return frame("demo-phones", "demo/phones", w.S("demo.phones.title"))
}

func (p *pages) showPhones(w http.ResponseWriter, r *http.Request) error {
	return p.Site.Pages.Write(w, r, http.StatusOK, p.phonesPage())
}

func (p *pages) phonesPage() phonesPage {
	var page phonesPage
	for _, d := range p.Phones.all() {
		page.Phones = append(page.Phones, d.Account())
	}
	return page
}

func (p *pages) pairPhone(w http.ResponseWriter, r *http.Request) error {
	typed := r.PostFormValue("code")
	d, err := p.Phones.pair(r.Context(), typed, r.PostFormValue("name"))
	if errors.Is(err, errPairing) {
		page := p.phonesPage()
		page.Error, page.Typed = errs.Of(err), typed
		return p.Site.Pages.Write(w, r, http.StatusBadRequest, page)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/demo/phone/"+d.Account().AccountID, http.StatusSeeOther)
	return nil
}

// phonePage is the screen of one virtual phone.
type phonePage struct {
	Account  phonewire.Account
	Requests []phonewire.Request
	After    string // of the list, for news
	Dead     bool   // the server no longer accepts its key: replaced or removed
	Code     string // the passcode just made, "" for none
	Outcome  string // of the answer just given, a State constant of phonewire or ""
}

// Frame implements web.Page.
func (p phonePage) Frame(w web.Words) web.Frame {
	f := frame("demo-phone", "demo/phone", w.S("demo.phone.title", "name", p.Account.Username), "demo.js")
	f.Wide = false
	return f
}

// Until is when a request ends.
func (phonePage) Until(r phonewire.Request) time.Time { return time.UnixMilli(r.Expires) }

func (p *pages) showPhone(w http.ResponseWriter, r *http.Request) error {
	d, err := p.Phones.find(r.PathValue("account"))
	if err != nil {
		return err
	}
	return p.writePhone(w, r, d, phonePage{Outcome: outcome(r.URL.Query().Get("outcome"))})
}

// outcome returns s if it is a state of the protocol, and "" otherwise: s comes from the address of the page.
func outcome(s string) string {
	switch s {
	case phonewire.StateApproved, phonewire.StateDenied, phonewire.StateReported, phonewire.StateWrongNumber, phonewire.StateExpired, phonewire.StateAlreadyAnswered:
		return s
	}
	return ""
}

// writePhone fills in the open requests of a phone and writes its page.
func (p *pages) writePhone(w http.ResponseWriter, r *http.Request, d *phone.Device, page phonePage) error {
	page.Account = d.Account()
	list, err := d.Wait(r.Context(), "")
	switch {
	case phone.Gone(err):
		page.Dead = true
	case err != nil:
		return err
	}
	page.Requests, page.After = list.Requests, list.After
	return p.Site.Pages.Write(w, r, http.StatusOK, page)
}

// news is a long poll: it answers {"version"} when the phone's list differs from ?since=, or after about 25 s.
func (p *pages) news(w http.ResponseWriter, r *http.Request) error {
	d, err := p.Phones.find(r.PathValue("account"))
	if err != nil {
		return err
	}
	list, err := d.Wait(r.Context(), r.URL.Query().Get("since"))
	if err != nil {
		return err
	}
	return sendJSON(w, map[string]string{"version": list.After})
}

// answer approves or denies a request, as the buttons of the page say.
func (p *pages) answer(w http.ResponseWriter, r *http.Request) error {
	d, err := p.Phones.find(r.PathValue("account"))
	if err != nil {
		return err
	}
	var out phonewire.Outcome
	id := r.PostFormValue("transaction")
	if reason, no := reasons[r.PostFormValue("answer")]; no {
		out, err = d.Deny(r.Context(), id, reason)
	} else {
		out, err = d.Approve(r.Context(), id, strings.TrimSpace(r.PostFormValue("number")))
	}
	switch {
	case errors.Is(err, phone.ErrNotOpen):
		out.State = phonewire.StateExpired
	case err != nil && !phone.Gone(err):
		return err
	}
	http.Redirect(w, r, "/demo/phone/"+d.Account().AccountID+"?outcome="+out.State, http.StatusSeeOther)
	return nil
}

func (p *pages) makeCode(w http.ResponseWriter, r *http.Request) error {
	d, err := p.Phones.find(r.PathValue("account"))
	if err != nil {
		return err
	}
	code, err := d.Code(p.Now())
	if err != nil {
		return err
	}
	return p.writePhone(w, r, d, phonePage{Code: code})
}

func (p *pages) forgetPhone(w http.ResponseWriter, r *http.Request) error {
	if err := p.Phones.forget(r.PathValue("account")); err != nil {
		return err
	}
	http.Redirect(w, r, "/demo/phone", http.StatusSeeOther)
	return nil
}
