package oidc

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/mileusna/useragent"

	"countersign/internal/flow/signin"
)

// header of every id_token: {"typ":"JWT","alg":"HS512"}.
const header = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9."

// idToken are the claims (WIRE-8). Times are integers: Go refuses floats.
type idToken struct {
	Issuer    string      `json:"iss"` // https://<host as the client has it>/oauth/v1/token
	Audience  string      `json:"aud"` // a string: Java reads no array
	Subject   string      `json:"sub"`
	Name      string      `json:"preferred_username"` // as the application sent it
	Expires   int64       `json:"exp"`
	IssuedAt  int64       `json:"iat"`
	AuthTime  int64       `json:"auth_time"`
	Nonce     string      `json:"nonce,omitempty"`
	Result    authResult  `json:"auth_result"`
	AuthState authContext `json:"auth_context"`
}

type authResult struct {
	Result    string `json:"result"`
	Status    string `json:"status"`
	StatusMsg string `json:"status_msg"`
}

// authContext is the sign-in's log row in the shape SDKs decode. null is allowed for every string;
// is_* must be a boolean or "unknown".
type authContext struct {
	TxID          string       `json:"txid"`
	Timestamp     int64        `json:"timestamp"`
	ISOTimestamp  string       `json:"isotimestamp"`
	EventType     string       `json:"event_type"`
	Result        string       `json:"result"`
	Reason        string       `json:"reason"`
	Factor        string       `json:"factor"`
	Alias         string       `json:"alias"`
	Email         *string      `json:"email"`
	OodSoftware   *string      `json:"ood_software"`
	TrustedStatus *string      `json:"trusted_endpoint_status"`
	User          party        `json:"user"`
	Application   keyName      `json:"application"`
	AuthDevice    authDevice   `json:"auth_device"`
	AccessDevice  accessDevice `json:"access_device"`
}

type party struct {
	Key    *string  `json:"key"`
	Name   string   `json:"name"`
	Groups []string `json:"groups"`
}

type keyName struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

type location struct {
	City    *string `json:"city"`
	State   *string `json:"state"`
	Country *string `json:"country"`
}

type authDevice struct {
	IP       *string  `json:"ip"`
	Key      *string  `json:"key"`
	Name     *string  `json:"name"`
	Location location `json:"location"`
}

type accessDevice struct {
	IP             *string  `json:"ip"`
	Hostname       *string  `json:"hostname"`
	HostName       *string  `json:"host_name"` // Go's spelling
	EPKey          *string  `json:"epkey"`
	Location       location `json:"location"`
	Browser        *string  `json:"browser"`
	BrowserVersion *string  `json:"browser_version"`
	FlashVersion   string   `json:"flash_version"`
	JavaVersion    string   `json:"java_version"`
	OS             *string  `json:"os"`
	OSVersion      *string  `json:"os_version"`
	Encryption     string   `json:"is_encryption_enabled"`
	Firewall       string   `json:"is_firewall_enabled"`
	PasswordSet    string   `json:"is_password_set"`
}

// sign makes the id_token with the application's secret, which the client checks with the same.
func (d *Door) sign(client prover, result signin.Result, state doorState) (string, error) {
	now := d.Now().Unix()
	payload, err := json.Marshal(idToken{
		Issuer: "https://" + client.host + tokenPath, Audience: client.app.ID, Subject: result.Login.Username,
		Name: state.Username, Expires: now + tokenLife, IssuedAt: now, AuthTime: result.Time.Unix(), Nonce: state.Nonce,
		Result:    authResult{"allow", "allow", "Login Successful"},
		AuthState: contextOf(result),
	})
	if err != nil {
		return "", err
	}
	buf := make([]byte, 0, len(header)+base64.RawURLEncoding.EncodedLen(len(payload))+1+86)
	buf = append(buf, header...)
	buf = base64.RawURLEncoding.AppendEncode(buf, payload)
	mac, err := jwt.SigningMethodHS512.Sign(string(buf), client.key)
	if err != nil {
		return "", err
	}
	buf = append(buf, '.')
	return string(base64.RawURLEncoding.AppendEncode(buf, mac)), nil
}

func contextOf(r signin.Result) authContext {
	l, agent := r.Login, useragent.Parse(r.Login.UserAgent)
	return authContext{
		TxID: l.TxID, Timestamp: r.Time.Unix(), ISOTimestamp: isoTime(r.Time), EventType: r.Event,
		Result: "success", Reason: l.Reason, Factor: l.Factor, Email: known(r.User.Email),
		User:        party{Key: known(l.UserID), Name: l.Username, Groups: []string{}},
		Application: keyName{r.Application.ID, r.Application.Name},
		AuthDevice:  authDevice{Key: known(l.PhoneID), Name: known(r.Device)},
		AccessDevice: accessDevice{
			IP: known(l.IP), Browser: known(agent.Name), BrowserVersion: known(agent.Version),
			OS: known(agent.OS), OSVersion: known(agent.OSVersion),
			FlashVersion: "uninstalled", JavaVersion: "uninstalled",
			Encryption: "unknown", Firewall: "unknown", PasswordSet: "unknown",
		},
	}
}

// isoTime is the vendor's spelling: 2020-02-13T18:56:20.351346+00:00.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }

// known is nil, which is null in JSON, for an empty string.
func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
