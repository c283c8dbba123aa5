package control

import (
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/qr"
	"countersign/internal/domain/activation"
	"countersign/internal/flow/enroll"
	"countersign/internal/site/web"
)

// PairSetting is where pairing is used.
type PairSetting string

// The settings.
const (
	FirstPhone   PairSetting = "first"   // inline, the person has nothing yet
	AddPhone     PairSetting = "add"     // one more, from the device list or as the spare
	ReplacePhone PairSetting = "replace" // a new phone takes the place of Device
	ConnectApp   PairSetting = "connect" // Device has no app, or has lost it
)

// PairState is where pairing stands. The names go into Status as they are.
type PairState string

// The states.
const (
	PairWaiting PairState = "waiting"
	PairDone    PairState = "done" // the app holds its key; the page moves on
	PairExpired PairState = "expired"
)

// Pairing is the one page that connects a phone, of the Universal Prompt and of the device list. A poll for
// an older code than the one on show is answered at once.
type Pairing struct {
	Base
	Path    string // base of this page's addresses
	Setting PairSetting
	Device  string // with ReplacePhone: the phone that is replaced; with ConnectApp: the one that gets an app
	Link    string // what the QR code holds: https://HOST/a/…
	Code    string // the same to type, XXXX-XXXX
	Address string // where to type it: HOST/a
	State   PairState
	Version int
	Token   string    // names this code to the status address
	Until   time.Time // end of this code
	Mail    PairMail
	Back    web.Link // "Back to …"; no link when the path is empty
}

// PairMail is the form that mails the link to an address that is not kept.
type PairMail struct {
	Offered bool
	Address string      // as typed, after a mistake
	SentTo  string      // masked, after sending
	Err     *errs.Error // shown at the field
}

// Frame implements web.Page.
func (p Pairing) Frame(w web.Words) web.Frame {
	screen := "pair"
	if p.Setting == FirstPhone {
		screen = "enroll"
	}
	return p.Layout(screen, "control/pairing", p.Heading(w), "forms.js", "pairing.js")
}

// Heading is the title.
func (p Pairing) Heading(w web.Words) string { return w.S("pair.title." + string(p.Setting)) }

// Lead says in one sentence what this is for.
func (p Pairing) Lead(w web.Words) template.HTML {
	return w.T("pair.lead."+string(p.Setting), "device", p.Device, "app", p.App)
}

// Line is the live status.
func (p Pairing) Line(w web.Words) string { return w.S("pair.line." + string(p.State)) }

// QR is the picture of Link.
func (p Pairing) QR(w web.Words) (template.HTML, error) {
	return qr.SVG(p.Link, w.S("pair.qr", "code", p.Code))
}

// Pair is one pairing page at work: whose code it shows, and what claiming the code does.
type Pair struct {
	Owner    enroll.Owner
	Subject  enroll.Subject
	Username string
	Page     Pairing // the page but for its code; what stands in Token is added to the code's name
}

// ShowPair is the pairing page.
func (c *Control) ShowPair(p Pair, w http.ResponseWriter, r *http.Request) error {
	return c.showPair(p, PairMail{Offered: true}, http.StatusOK, w, r)
}

func (c *Control) showPair(p Pair, mail PairMail, status int, w http.ResponseWriter, r *http.Request) error {
	code, err := c.Enroll.Pair(r.Context(), p.Owner, p.Subject)
	if err != nil {
		return err
	}
	page := p.Page
	page.Link, page.Code, page.Address, page.Until = code.Link, code.Typed, code.TypeAt, code.Expires
	page.Token, page.State, page.Version, page.Mail = code.ID+page.Token, PairWaiting, 1, mail
	return c.Write(w, r, status, page)
}

// MailPair sends the link of a pairing page to an address that is not kept (D-22), and shows the page again.
func (c *Control) MailPair(p Pair, w http.ResponseWriter, r *http.Request) error {
	mail, status := PairMail{Offered: true}, http.StatusOK
	typed, mistake, err := c.Mail(p.Owner, p.Subject, p.Username, r)
	switch {
	case err != nil:
		return err
	case mistake == nil:
		mail.SentTo = Masked(typed)
	default:
		mail.Err, status = mistake, MailStatus(mistake)
		if mistake.Kind == errs.Invalid {
			mail.Address = typed
		}
	}
	return c.showPair(p, mail, status, w, r)
}

// Mail sends a link for an owner and a subject to the address that a form holds; typed is that address, "" when it is
// far too long to be one. mistake is what the person can mend, or wait for.
func (c *Control) Mail(o enroll.Owner, s enroll.Subject, username string, r *http.Request) (typed string, mistake *errs.Error, err error) {
	typed = strings.TrimSpace(r.PostFormValue("address"))
	err = c.Enroll.Mail(r.Context(), o, s, typed, username)
	if len(typed) > 254 {
		typed = ""
	}
	if errors.Is(err, enroll.ErrMailAddress) || errors.Is(err, enroll.ErrMailLimit) {
		return typed, errs.Of(err), nil
	}
	return typed, nil, err
}

// MailStatus is the HTTP status of a page with such a mistake.
func MailStatus(mistake *errs.Error) int {
	if mistake.Kind == errs.Limited {
		return http.StatusTooManyRequests
	}
	return http.StatusUnprocessableEntity
}

// Masked shows enough of an address to recognize a slip of the finger.
func Masked(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return "…"
	}
	return string([]rune(address[:at])[0]) + "…" + address[at:]
}

// PairStatus is held until the phone is there, the code ends, or the long poll is over (25 s). next gives where the browser goes once it is there.
func (c *Control) PairStatus(o enroll.Owner, next func() string, w http.ResponseWriter, r *http.Request) error {
	state, err := c.PairState(o, r)
	if err != nil {
		return err
	}
	return web.JSON(w, c.pairStatus(state, next, r))
}

// PairState waits until the code that the address names is claimed or dead, at most as long as a long poll (25 s).
func (c *Control) PairState(o enroll.Owner, r *http.Request) (activation.State, error) {
	ctx, cancel := web.Hold(r, 0)
	defer cancel()
	return c.Enroll.Progress(ctx, o, r.URL.Query().Get("code"), true)
}

// PairedStatus tells a page that its phone is there.
func (c *Control) PairedStatus(next string, w http.ResponseWriter, r *http.Request) error {
	return web.JSON(w, c.pairStatus(activation.Claimed, func() string { return next }, r))
}

func (c *Control) pairStatus(state activation.State, next func() string, r *http.Request) Status {
	s := Status{Version: 2}
	switch state {
	case activation.Waiting:
		s.Version, s.State, s.Open = 1, string(PairWaiting), true
	case activation.Claimed:
		s.State, s.Next = string(PairDone), next()
	default:
		s.State = string(PairExpired)
	}
	s.Line = c.Web.Pages.Words(r).S("pair.line." + s.State)
	return s
}
