package frame

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"countersign/internal/api/reply"
	"countersign/internal/api/signed"
	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
)

// At is the address clients know by heart.
const At = "/frame/web/v1/auth"

const maxBody = 64 << 10

// SignIn is the part of the sign-in flow this door calls.
type SignIn interface {
	Begin(ctx context.Context, r signin.Request) (signin.Opening, error)
	Finish(ctx context.Context, s signin.Session) (secret.Text, error)
	Collect(ctx context.Context, grant secret.Text, applicationID string) (signin.Result, error)
	Recollect(ctx context.Context, s signin.Session) (signin.Result, error)
	KeptBrowser(ctx context.Context, s signin.Session) (secret.Text, time.Duration, error)
	LogRefused(ctx context.Context, r signin.Request, reason string) error
}

// Door serves the address. All fields are needed unless said otherwise.
type Door struct {
	SignIn       SignIn
	Applications signed.Applications
	Keys         signed.Keys
	Now          func() time.Time
	Log          *slog.Logger // nil: slog.Default

	// Page shows an error to a person: the message page of the site.
	Page func(w http.ResponseWriter, r *http.Request, err error)
	// Embed lets one origin frame the answer, and gives the request under which pages know it.
	Embed func(w http.ResponseWriter, r *http.Request, origin string) *http.Request
	// Path is where the frame goes next.
	Path func(l login.Login, key secret.Text) string
	// Tell shows a last page that hands an answer to the parent: for requests no sign-in comes of.
	Tell func(w http.ResponseWriter, r *http.Request, answer, parent, app string) error
	// Stop shows an error in the frame, with a button that hands an answer to the parent. Without an answer it names
	// nobody.
	Stop func(w http.ResponseWriter, r *http.Request, err error, answer, parent, app string)
	// Remembered is what the browser keeps for an application at an origin since it was remembered there, empty when
	// nothing; Remember lets it keep a value so long. nil: never.
	Remembered func(r *http.Request, applicationID, parent string) secret.Text
	Remember   func(w http.ResponseWriter, applicationID, parent string, value secret.Text, life time.Duration)
	// ClientIP is the address of the person; nil: none.
	ClientIP func(r *http.Request) netip.Addr
}

// Route is one address of the door.
type Route struct{ Method, Pattern, Name string }

// Routes lists the addresses.
func (d *Door) Routes() []Route {
	return []Route{{"GET", At, "open a sign-in in a frame"}, {"POST", At, "open a sign-in in a frame"}}
}

// Handler serves them. Pages of other sites come here by GET and by POST: the signed request is the proof of where
// it comes from.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range d.Routes() {
		mux.HandleFunc(r.Method+" "+r.Pattern, d.auth)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { d.Page(w, r, errs.New(errs.NotFound, "page.unknown")) })
	return mux
}

var (
	errRequest = errs.New(errs.Invalid, "frame.request") // not a word about the user
	errLate    = errs.New(errs.Gone, "frame.expired")
	errHost    = errs.New(errs.Forbidden, "frame.host")
	errClosed  = errs.New(errs.Forbidden, "frame.application")
	errOutside = errs.New(errs.Forbidden, "frame.outside")
	errBusy    = errs.New(errs.Limited, "frame.busy").Arg("retry", 2*time.Second)
)

// auth opens a sign-in. Only the page that the application's own rule allows may frame the answer. A request that does
// not check out gets a page with nothing on it but the error, framed by the same rule.
func (d *Door) auth(w http.ResponseWriter, r *http.Request) {
	p, err := params(w, r)
	if err != nil {
		d.Page(w, r, errRequest.With(err))
		return
	}
	q, app, secretNumber, err := d.trusted(r.Context(), p["tx"])
	parent, reason := framer(p["parent"], r.Referer(), app.Options.Hosts)
	if err != nil {
		if reason == "" && !outside(r) {
			d.Stop(w, d.Embed(w, r, parent), err, "", "", "")
			return
		}
		d.Page(w, r, err)
		return
	}
	if reason != "" {
		d.noteFramer(r, q, app, reason)
		d.Page(w, r, errHost)
		return
	}
	r = d.Embed(w, r, parent)
	if outside(r) {
		d.Page(w, r, errOutside.Arg("app", app.Name))
		return
	}
	if !app.Usable() {
		d.Stop(w, r, errClosed, d.Refuse(), parent, app.Name)
		return
	}
	if err := q.timely(d.Now()); err != nil {
		d.Stop(w, r, errLate.Arg("app", app.Name).With(err), d.Refuse(), parent, app.Name)
		return
	}
	if r.Method == http.MethodHead { // a link checker opens no sign-in
		return
	}
	d.begin(w, r, q, app, secretNumber, parent)
}

// outside reports a page opened by itself, not in a frame: there nobody takes the answer, and whoever sent the address
// may not be who it is for. In browsers that do not tell, the page finds out by its script.
func outside(r *http.Request) bool { return r.Header.Get("Sec-Fetch-Dest") == "document" }

// trusted finds the application of a request and checks that it is its word, by which of its secrets.
func (d *Door) trusted(ctx context.Context, tx string) (request, application.Application, int, error) {
	q, err := parse(tx)
	if err != nil {
		return q, application.Application{}, 0, errRequest.With(err)
	}
	app, err := d.Applications.ApplicationByID(ctx, q.IKey)
	switch {
	case errors.Is(err, application.ErrUnknown):
		return q, app, 0, errRequest.With(err)
	case err != nil:
		return q, app, 0, errBusy.With(err)
	case app.Type != application.TypeWebSDK2:
		return q, app, 0, errRequest.With(errors.New("application is of another type"))
	}
	by, err := signed.FindSecret(d.Keys, app, d.Now(), func(key []byte) bool { return q.verify(key) == nil })
	switch {
	case errors.Is(err, reply.ErrTooManyRequests):
		return q, app, 0, errBusy.With(err)
	case errors.Is(err, reply.ErrRetired):
		return q, app, 0, errClosed.With(err)
	case err != nil:
		return q, app, 0, errRequest.With(err)
	}
	return q, app, by.Number, nil
}

func (d *Door) begin(w http.ResponseWriter, r *http.Request, q request, app application.Application, secretNumber int, parent string) {
	s := state{User: q.User, Parent: parent, Enroll: q.Prefix == prefixEnroll, Secret: secretNumber}
	var kept secret.Text
	if d.Remembered != nil && !s.Enroll { // who comes to set up a device is asked
		kept = d.Remembered(r, app.ID, parent)
	}
	var opening signin.Opening
	err := error(user.ErrNameInvalid)
	if utf8.Valid(q.User) {
		opening, err = d.SignIn.Begin(r.Context(), signin.Request{Door: login.DoorFrame, DoorState: s.encode(), Application: app,
			Username: string(q.User), Remembered: kept, IP: d.remote(r), UserAgent: clip(r.UserAgent(), 512)})
	}
	switch {
	case err == nil:
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "same-origin")
		w.Header().Set("Location", d.Path(opening.Login, opening.Cookie))
		w.WriteHeader(http.StatusSeeOther)
	case errors.Is(err, user.ErrNameInvalid):
		d.note(r, "user name", err)
		if err := d.Tell(w, r, d.Refusal("The user name cannot be used here."), parent, app.Name); err != nil {
			d.Page(w, r, err)
		}
	case errors.Is(err, application.ErrUnknown):
		d.Stop(w, r, errClosed, d.Refuse(), parent, app.Name)
	case errs.KindOf(err) == errs.Invalid:
		d.Stop(w, r, errRequest.With(err), d.Refuse(), parent, app.Name)
	default:
		d.Stop(w, r, errBusy.With(err), d.Refuse(), parent, app.Name)
	}
}

// params reads the parameters this door knows, from query and form alike. Each may come once (RULE-29); older
// clients send others that say nothing.
func params(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	found := map[string]string{}
	body := ""
	if r.Method == http.MethodPost {
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			return nil, err
		}
		body = string(raw)
	}
	for _, part := range []string{r.URL.RawQuery, body} {
		values, err := url.ParseQuery(part)
		if err != nil {
			return nil, err
		}
		for _, name := range []string{"tx", "parent", "v"} {
			for _, value := range values[name] {
				if _, twice := found[name]; twice {
					return nil, errors.New("duplicate " + name)
				}
				found[name] = value
			}
		}
	}
	return found, nil
}

// noteFramer logs a page that may not frame the prompt.
func (d *Door) noteFramer(r *http.Request, q request, app application.Application, reason string) {
	name, err := user.Normalize(string(q.User))
	if err != nil {
		name = ""
	}
	from := signin.Request{Application: app, Username: name, IP: d.remote(r), UserAgent: clip(r.UserAgent(), 512)}
	if err := d.SignIn.LogRefused(r.Context(), from, reason); err != nil {
		d.note(r, "log row", err)
	}
	d.note(r, reason, nil)
}

func (d *Door) note(r *http.Request, why string, err error) {
	log := d.Log
	if log == nil {
		log = slog.Default()
	}
	attrs := []slog.Attr{slog.String("door", login.DoorFrame), slog.String("route", At), slog.String("why", why)}
	if err != nil {
		attrs = append(attrs, slog.String("cause", err.Error()))
	}
	log.LogAttrs(r.Context(), slog.LevelInfo, "refused", attrs...)
}

func (d *Door) remote(r *http.Request) netip.Addr {
	if d.ClientIP == nil {
		return netip.Addr{}
	}
	return d.ClientIP(r)
}

// clip shortens s to at most n bytes of valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
