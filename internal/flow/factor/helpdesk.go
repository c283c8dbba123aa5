package factor

import (
	"context"
	"slices"
	"time"

	"countersign/internal/domain/audit"
	"countersign/internal/domain/bypass"
	"countersign/internal/flow"
)

// helpdesk is a code that the help desk gave to somebody without a phone. No policy leaves it out (RULE-16).
var helpdesk = &Factor{
	Name: "bypass", Prefix: "bypass", Always: true,
	Log:      audit.FactorBypassCode,
	Recovers: true,
	Lives:    func(who flow.Person, code string) bool { return code != "" && slices.Contains(who.DeskCodes, code) },
	Code:     deskCodes{},
	Page:     Page{Icon: "person", Row: "ways.desk", Hint: "ways.desk.hint", Source: "help"},
}

type deskCodes struct{}

// Fit implements Code: it computes the slow digest, and only when the code has the shape of one and the owner holds a
// live one and may try at all. A code of the help desk's own choice has 6 to 16 digits (F-33).
func (deskCodes) Fit(ctx context.Context, t Tools, st Store, o Owner, code string) (Hit, bool, error) {
	if o.User.Refusal() != nil || o.Codeless || len(code) < 6 || len(code) > 16 || !isDigits(code) {
		return Hit{}, false, nil
	}
	live, err := st.LiveBypassCodes(ctx, o.User.ID, t.Now())
	if err != nil || len(live) == 0 {
		return Hit{}, false, err
	}
	digest, err := t.Keys.SlowDigest(ctx, bypass.DigestPurpose, o.User.Salt, code)
	return Hit{Spend: func(ctx context.Context, st Store, now time.Time) (string, bool, error) {
		return st.SpendBypassCode(ctx, o.User.ID, digest, now)
	}}, err == nil, err
}

// Again implements Code: a code made since is none to this attempt.
func (deskCodes) Again(context.Context, Tools, Store, Owner, string) (Match, error) {
	return Match{}, nil
}
