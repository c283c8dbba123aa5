package auth

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"countersign/internal/api/reply"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/user"
	"countersign/internal/flow/enroll"
)

// enrollAnswer is a person just registered and the code by which the first phone is paired.
type enrollAnswer struct {
	Barcode     string   `json:"activation_barcode"` // address of a picture
	Code        string   `json:"activation_code"`
	URL         string   `json:"activation_url"` // to be opened on the phone
	Expires     int64    `json:"expiration"`     // seconds since 1970
	UserID      string   `json:"user_id"`
	Username    string   `json:"username"`
	BypassCodes []string `json:"bypass_codes,omitempty"`
}

const maxBypassCodes = 10

// registers reports an application that may register people: programs. Who holds a host's key would make people that pass
// the host's second proof, whatever is done about strangers there.
func (c call) registers() bool { return c.Application.Type == application.TypeAuthAPI }

// enroll registers a person. There is no second code for the same person by this API (N-02).
func (d *Door) enroll(ctx context.Context, c call) (any, error) {
	if !c.registers() {
		return nil, reply.ErrWrongType
	}
	life, err := c.whole("valid_secs", int(enroll.IssueLife/time.Second), int(enroll.MaxIssueLife/time.Second))
	if err != nil {
		return nil, err
	}
	codes, err := c.whole("bypass_codes", 0, maxBypassCodes)
	if err != nil {
		return nil, err
	}
	name := c.Params.Get("username")
	if name == "" {
		if name, err = d.madeUpName(); err != nil {
			return nil, err
		}
	}
	u, p, err := d.Registrar.Issue(ctx, c.Application, name, time.Duration(life)*time.Second)
	switch {
	case errors.Is(err, user.ErrNameTaken):
		return nil, reply.ErrInvalid.About("username already exists").With(err)
	case errors.Is(err, user.ErrNameInvalid):
		return nil, reply.ErrInvalid.About("username").With(err)
	case errors.Is(err, enroll.ErrIssueLife):
		return nil, reply.ErrInvalid.About("valid_secs").With(err)
	case err != nil:
		return nil, err
	}
	host := reply.Origin(c.r, d.PublicURL)
	a := enrollAnswer{Code: activationCode(p.Link, host), URL: p.Link, Barcode: host + QRAt + "?value=" + url.QueryEscape(p.Link),
		Expires: p.Expires.Unix(), UserID: u.ID, Username: u.Username}
	if codes > 0 && d.BypassCodes != nil {
		// The codes' digests are slow on purpose; the person is registered already.
		if a.BypassCodes, err = d.BypassCodes(context.WithoutCancel(ctx), c.Application, u.Username, codes); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// whole reads a whole number from 1 (or fallback) to max.
func (c call) whole(name string, fallback, max int) (int, error) {
	s := c.Params.Get(name)
	if s == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n > max || n < 1 && n != fallback {
		return 0, reply.ErrInvalid.About(name)
	}
	return n, nil
}

// madeUpName is for a person the caller does not name: 32 hex digits.
func (d *Door) madeUpName() (string, error) {
	var b [16]byte
	_, err := io.ReadFull(d.Rand, b[:])
	return hex.EncodeToString(b[:]), err
}

// scheme of an activation_code, which clients keep and send back.
const scheme = "duo://"

// activationCode is scheme, the code of the link, a dash and the host in base64.
func activationCode(link, origin string) string {
	_, host, _ := strings.Cut(origin, "://")
	return scheme + link[strings.LastIndexByte(link, '/')+1:] + "-" + base64.RawStdEncoding.EncodeToString([]byte(host))
}

// codeLength is the length of a pairing link's code: 128 bits in base64.
const codeLength = 22

func codeShaped(code string) bool {
	return len(code) == codeLength && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// codeOf finds the code in whatever of enroll's answer the caller kept.
func codeOf(s string) (string, bool) {
	s = strings.TrimPrefix(s, scheme)
	if i := strings.LastIndex(s, "/a/"); i >= 0 {
		s = s[i+len("/a/"):]
	}
	if len(s) > codeLength && s[codeLength] == '-' {
		s = s[:codeLength]
	}
	return s, codeShaped(s)
}

// enrollStatus answers with one word: waiting, success, or invalid.
func (d *Door) enrollStatus(ctx context.Context, c call) (any, error) {
	if !c.registers() {
		return nil, reply.ErrWrongType
	}
	for _, name := range []string{"user_id", "activation_code"} {
		if c.Params.Get(name) == "" {
			return nil, reply.ErrMissing.About(name)
		}
	}
	code, ok := codeOf(c.Params.Get("activation_code"))
	if !ok || !keyShaped(c.Params.Get("user_id")) {
		return "invalid", nil
	}
	state, err := d.Registrar.Issued(ctx, c.Params.Get("user_id"), code)
	switch {
	case err != nil:
		return nil, err
	case state == activation.Waiting:
		return "waiting", nil
	case state == activation.Claimed:
		return "success", nil
	}
	return "invalid", nil
}
