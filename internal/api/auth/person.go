package auth

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"

	"countersign/internal/api"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
)

// request is the person a call asks about, and where from. Exactly one of username and user_id.
func (c call) request() (signin.Request, error) {
	r := signin.Request{Application: c.app, Username: c.params.Get("username"), UserID: c.params.Get("user_id"),
		IP: address(c.params.Get("ipaddr")), UserAgent: strings.ToValidUTF8(c.r.UserAgent(), "?")}
	switch {
	case r.Username == "" && r.UserID == "":
		return r, api.ErrMissing.About("username")
	case r.Username != "" && r.UserID != "":
		return r, api.ErrInvalid.About("username and user_id")
	case r.UserID != "" && !keyShaped(r.UserID):
		return r, api.ErrInvalid.About("user_id")
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
		return api.ErrInvalid.About("username").With(err)
	case errors.Is(err, user.ErrUnknown):
		return api.ErrInvalid.About("user_id").With(err)
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

// told gathers what the caller says about a sign-in, for the phone to show apart from the facts. A terminal sends the
// command along as it was typed: a long one keeps nobody out.
func (c call) told() ([]transaction.Field, error) {
	info := c.params.Get("pushinfo")
	if len(info) >= maxPushInfo && c.params.Get("factor") != "prompt" {
		return nil, api.ErrInvalid.About("pushinfo")
	}
	return api.Told(c.words, c.params.Get("display_username"), c.params.Get("hostname"), info), nil
}
