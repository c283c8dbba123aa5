package auth

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"

	"countersign/internal/api/attempt"
	"countersign/internal/api/reply"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
)

// request is the person a call asks about, and where from. Exactly one of username and user_id.
func (c call) request() (signin.Request, error) {
	r := signin.Request{Application: c.Application, Username: c.Params.Get("username"), UserID: c.Params.Get("user_id"),
		IP: address(c.Params.Get("ipaddr")), UserAgent: strings.ToValidUTF8(c.r.UserAgent(), "?")}
	switch {
	case r.Username == "" && r.UserID == "":
		return r, reply.ErrMissing.About("username")
	case r.Username != "" && r.UserID != "":
		return r, reply.ErrInvalid.About("username and user_id")
	case r.UserID != "" && !keyShaped(r.UserID):
		return r, reply.ErrInvalid.About("user_id")
	}
	return r, nil
}

// keyShaped reports 20 of A-Z and 0-9: nothing else is looked up.
func keyShaped(s string) bool {
	return len(s) == 20 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// unknown tells a name or key that is not good from a failure of ours.
func unknown(err error) error {
	switch {
	case errors.Is(err, user.ErrNameInvalid):
		return reply.ErrInvalid.About("username").With(err)
	case errors.Is(err, user.ErrUnknown):
		return reply.ErrInvalid.About("user_id").With(err)
	}
	return err
}

// address reads what the caller says is the person's address. What is none is as if it were not sent: a
// remote user must not be able to break the call (AC-019).
func address(s string) netip.Addr {
	ip, err := netip.ParseAddr(strings.TrimSpace(s))
	if err != nil {
		return netip.Addr{}
	}
	ip = ip.WithZone("").Unmap()
	if ip.IsUnspecified() { // what callers send that do not know it
		return netip.Addr{}
	}
	return ip
}

// flag reads the API's truth values.
func flag(params url.Values, name string) bool {
	switch strings.ToLower(params.Get(name)) {
	case "1", "true", "yes", "on":
		return true
	}
	return false
}

const maxPushInfo = 20_000 // bytes, exclusive

// reported gathers what the caller says about a sign-in, for the phone to show apart from the facts. A terminal sends the
// command along as it was typed: a long one keeps nobody out.
func (c call) reported() ([]transaction.Field, error) {
	info := c.Params.Get("pushinfo")
	if len(info) >= maxPushInfo && c.Params.Get("factor") != "prompt" {
		return nil, reply.ErrInvalid.About("pushinfo")
	}
	return attempt.Reported(c.words, c.Params.Get("display_username"), c.Params.Get("hostname"), info), nil
}

// uuidShaped reports 8-4-4-4-12 lower-case hex digits.
func uuidShaped(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range s {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(s[i])) {
			return false
		}
	}
	return true
}
