package compat

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/duosecurity/duo_universal_golang/duouniversal"
)

// callback is the application's address. Nothing listens there: the browser stops before it.
const callback = "http://localhost:9/callback?from=wiki"

// goClient is the official Go client as an application makes it; only the HTTP client is ours,
// because the client pins the vendor's certificates.
func goClient(d *demo) *duouniversal.Client {
	d.t.Helper()
	return goClientWith(d, d.http(nil, nil))
}

func goClientWith(d *demo, h *http.Client) *duouniversal.Client {
	d.t.Helper()
	id, key, host := d.application()
	c, err := duouniversal.NewClient(id, key, host, callback, duouniversal.WithHTTPClient(h))
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

func (d *demo) application() (id, key, host string) {
	d.t.Helper()
	for _, a := range d.Applications {
		if a.Type == "websdk" {
			return a.ClientID, a.ClientSecret, a.APIHost
		}
	}
	d.t.Fatal("the demo has no application of type websdk")
	return "", "", ""
}

// signIn lets a user through the prompt with a bypass code and returns what the application gets.
func (d *demo) signIn(c *duouniversal.Client, name string) (query url.Values, state string) {
	d.t.Helper()
	state, err := c.GenerateState()
	if err != nil {
		d.t.Fatal(err)
	}
	address, err := c.CreateAuthURL(name, state)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.browser("http://localhost:9/callback").signIn(address, d.bypassCode(d.enrolled())), state
}

// TestOfficialGoClient is one demo and the whole life of the client in it.
func TestOfficialGoClient(t *testing.T) {
	d := startDemo(t)
	c, name := goClient(d), d.enrolled()
	id, key, host := d.application()

	t.Run("asks whether the service is up", func(t *testing.T) {
		if up, err := c.HealthCheck(); err != nil || up.Stat != "OK" || up.Response.Time == 0 {
			t.Fatalf("health check: %+v, %v", up, err)
		}
		wrong, err := duouniversal.NewClient(id, strings.Repeat("x", 40), host, callback, duouniversal.WithHTTPClient(d.in(t).http(nil, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wrong.HealthCheck(); err == nil || !strings.Contains(err.Error(), "400") {
			t.Errorf("a wrong secret: %v", err)
		}
	})
	t.Run("signs a person in, once", func(t *testing.T) {
		query, state := d.in(t).signIn(c, name)
		if query.Get("state") != state || query.Get("from") != "wiki" || query.Get("duo_code") == "" || query.Has("code") {
			t.Fatalf("the application gets %v", query)
		}
		token, err := c.ExchangeAuthorizationCodeFor2faResult(query.Get("duo_code"), name)
		if err != nil {
			t.Fatal(err)
		}
		context := token.AuthContext
		if token.PreferredUsername != name || token.AuthResult.Result != "allow" || token.Audience != id || token.Issuer != "https://"+host+"/oauth/v1/token" ||
			context.Result != "success" || context.Factor != "bypass_code" || context.Reason != "valid_passcode" || context.Txid == "" || context.Timestamp == 0 ||
			context.EventType != "authentication" || context.User.Key == "" || context.User.Name != name || context.Application.Key != id || context.AccessDevice.Ip == "" {
			t.Errorf("id_token says %+v", token)
		}
		if _, err := c.ExchangeAuthorizationCodeFor2faResult(query.Get("duo_code"), name); err == nil {
			t.Error("the code was good twice")
		}
	})
	t.Run("gets a name back as it sent it", func(t *testing.T) {
		shouted := strings.ToUpper(name)
		query, _ := d.in(t).signIn(c, shouted)
		if token, err := c.ExchangeAuthorizationCodeFor2faResult(query.Get("duo_code"), shouted); err != nil || token.PreferredUsername != shouted {
			t.Errorf("%s: %+v, %v", shouted, token, err)
		}
		query, _ = d.in(t).signIn(c, name)
		if _, err := c.ExchangeAuthorizationCodeFor2faResult(query.Get("duo_code"), shouted); err == nil {
			t.Error("the client took a name it had not sent")
		}
	})
	t.Run("may ask for code instead of duo_code", func(t *testing.T) {
		plain, err := duouniversal.NewClientDuoCodeAttribute(id, key, host, callback, false) // makes addresses only: its HTTP client trusts the vendor
		if err != nil {
			t.Fatal(err)
		}
		query, state := d.in(t).signIn(plain, name)
		if query.Get("state") != state || query.Has("duo_code") {
			t.Fatalf("the application gets %v", query)
		}
		if _, err := c.ExchangeAuthorizationCodeFor2faResult(query.Get("code"), name); err != nil {
			t.Error(err)
		}
	})
	t.Run("cannot redeem a code it made up", func(t *testing.T) {
		if _, err := c.ExchangeAuthorizationCodeFor2faResult("made-up", name); err == nil || !strings.Contains(err.Error(), "400") {
			t.Errorf("got %v", err)
		}
	})
}
