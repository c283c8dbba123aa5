package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// floor answers the same requests as a sign-in by code, with the same JWT library, TLS, cookies and redirects, and a
// page of the same size. It has no database, checks no permission and writes no log. So it shows what the HTTP and JWT
// work of a sign-in costs by itself.
type floor struct {
	key    []byte   // the application's secret
	page   []byte   // of the prompt
	direct bool     // as childSpec.Direct
	open   sync.Map // login id -> *floorLogin
}

// floorLogin is one sign-in between its first and its last request.
type floorLogin struct {
	mu     sync.Mutex
	cookie string
	claims floorRequest
	proved bool // the code was sent
}

// floorRequest are the claims of the signed request of the Web SDK v4.
type floorRequest struct {
	jwt.RegisteredClaims
	ClientID    string `json:"client_id"`
	RedirectURI string `json:"redirect_uri"`
	State       string `json:"state"`
	Nonce       string `json:"nonce"`
	Username    string `json:"duo_uname"`
}

// floorToken are the claims of the id_token. Their size is about the product's.
type floorToken struct {
	jwt.RegisteredClaims
	Name     string         `json:"preferred_username"`
	AuthTime int64          `json:"auth_time"`
	Nonce    string         `json:"nonce"`
	Result   map[string]any `json:"auth_result"`
	Context  map[string]any `json:"auth_context"`
}

var floorParser = jwt.NewParser(jwt.WithValidMethods([]string{"HS512"}))

// serveFloor serves the floor on l until ctx ends. The keys of its two clients come from the environment.
func serveFloor(ctx context.Context, l net.Listener, c *tls.Config, s childSpec) error {
	key := os.Getenv(floorSecretVariable)
	mark := `<input type="hidden" name="form_token" value="` + strings.Repeat("x", 43) + `">`
	f := &floor{key: []byte(key), direct: s.Direct, page: []byte(mark + strings.Repeat("<p>As long as the page.</p>\n", 1+s.Page/28))}
	f.page = f.page[:max(s.Page, len(mark))]
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth/v1/authorize", f.authorize)
	mux.HandleFunc("GET /prompt/{id}", f.prompt)
	mux.HandleFunc("POST /prompt/{id}/code", f.code)
	mux.HandleFunc("POST /oauth/v1/token", f.token)
	mux.HandleFunc("POST /auth/v2/{call}", signedFloor(os.Getenv(floorAuthVariable)))
	front := &http.Server{Handler: mux, TLSConfig: c, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		<-ctx.Done()
		_ = front.Close() // an error does not matter: the process ends
	}()
	if err := front.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// floorSecretVariable is the variable of the environment that carries the application's secret to the floor.
const floorSecretVariable = "COUNTERSIGN_BENCH_SECRET"

// token makes n random bytes in base64url.
func token(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// verify checks an HS512 JWT of the client and reads its claims.
func (f *floor) verify(text string, claims jwt.Claims) error {
	_, err := floorParser.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return f.key, nil })
	return err
}

// authorize verifies the signed request, sets the login's cookie and redirects to the prompt.
func (f *floor) authorize(w http.ResponseWriter, r *http.Request) {
	l := &floorLogin{cookie: token(32)}
	if err := f.verify(r.URL.Query().Get("request"), &l.claims); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id := token(16)
	f.open.Store(id, l)
	http.SetCookie(w, &http.Cookie{Name: "__Host-login-" + id[:8], Value: l.cookie, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: 600})
	http.Redirect(w, r, "/prompt/"+id, http.StatusSeeOther)
}

// login returns the login in the address if the browser has its cookie. Otherwise it answers 410 and returns nil.
func (f *floor) login(w http.ResponseWriter, r *http.Request) *floorLogin {
	id := r.PathValue("id")
	v, ok := f.open.Load(id)
	k, err := r.Cookie("__Host-login-" + id[:min(8, len(id))])
	if !ok || err != nil || k.Value != v.(*floorLogin).cookie {
		http.Error(w, "stale", http.StatusGone)
		return nil
	}
	return v.(*floorLogin)
}

// prompt shows the code page. Once the code was sent it redirects to the application.
func (f *floor) prompt(w http.ResponseWriter, r *http.Request) {
	l := f.login(w, r)
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.proved {
		f.back(w, r, l)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(f.page) // the browser may be gone
}

// back redirects the browser to the application with a code.
func (f *floor) back(w http.ResponseWriter, r *http.Request, l *floorLogin) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, l.claims.RedirectURI+"?duo_code="+r.PathValue("id")+"&state="+l.claims.State, http.StatusSeeOther)
}

// code accepts any passcode of any length. The product's check of it is part of what is compared.
func (f *floor) code(w http.ResponseWriter, r *http.Request) {
	l := f.login(w, r)
	if l == nil {
		return
	}
	if r.PostFormValue("form_token") == "" || r.PostFormValue("code") == "" {
		http.Error(w, "form", http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proved = true
	if f.direct {
		f.back(w, r, l)
		return
	}
	http.Redirect(w, r, "/prompt/"+r.PathValue("id"), http.StatusSeeOther)
}

// token verifies the client's assertion, redeems the code once and signs the id_token.
func (f *floor) token(w http.ResponseWriter, r *http.Request) {
	var proof jwt.RegisteredClaims
	if err := f.verify(r.PostFormValue("client_assertion"), &proof); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	v, ok := f.open.LoadAndDelete(r.PostFormValue("code"))
	if !ok {
		http.Error(w, "code", http.StatusBadRequest)
		return
	}
	c, now := v.(*floorLogin).claims, time.Now()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS512, floorToken{
		RegisteredClaims: jwt.RegisteredClaims{Issuer: "https://" + r.Host + r.URL.Path, Audience: jwt.ClaimStrings{c.ClientID}, Subject: c.Username,
			ExpiresAt: jwt.NewNumericDate(now.Add(5 * time.Minute)), IssuedAt: jwt.NewNumericDate(now)},
		Name: c.Username, AuthTime: now.Unix(), Nonce: c.Nonce, Result: map[string]any{"result": "allow", "status": "allow", "status_msg": "Login Successful"},
		Context: map[string]any{"txid": token(16), "timestamp": now.Unix(), "event_type": "authentication", "result": "success", "factor": "passcode",
			"user": map[string]any{"name": c.Username, "key": nil, "groups": []string{}}, "access_device": map[string]any{"ip": "127.0.0.1", "browser": "Firefox", "os": "Linux"}},
	}).SignedString(f.key)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, `{"id_token":"`+signed+`","access_token":"`+token(32)+`","expires_in":300,"token_type":"Bearer"}`) // the client may be gone
}
