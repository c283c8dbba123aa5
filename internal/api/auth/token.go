package auth

import (
	"context"

	"countersign/internal/api"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/transaction"
)

// answerTo tells what became of an attempt, and gives what its caller may keep.
func (d *Door) answerTo(ctx context.Context, c call, t transaction.Transaction) authAnswer {
	a := answerOf(api.StatusOf(c.words, t))
	if t.RememberAs != "" {
		a.Token = d.SignIn.Token(ctx, t).Reveal()
	}
	return a
}

// keptAs is what the person reads of a token that the caller may keep: where the person sat, as far as the caller says
// it. "" for terminals, which keep none.
func (c call) keptAs() string {
	if c.app.Type != application.TypeAuthAPI || c.params.Get("factor") == "prompt" {
		return ""
	}
	if host := phonewire.OneLine(c.params.Get("hostname"), phonewire.MaxTitle); host != "" {
		return host
	}
	if ip := address(c.params.Get("ipaddr")); ip.IsValid() {
		return c.words.Text("api.kept.at", "ip", ip.String())
	}
	return c.words.Text("api.kept")
}
