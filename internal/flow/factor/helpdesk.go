package factor

import (
	"context"
	"slices"
	"time"

	"countersign/internal/domain/account"
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
	Source:   account.Desk,
	Page:     Page{Icon: "person", Row: "ways.desk", Hint: "ways.desk.hint", Source: "help"},
}

// deskCodes implements Slow.
type deskCodes struct{}

func (deskCodes) Fit(Tools, Owner, string) (Hit, bool) { return Hit{}, false }

func (deskCodes) Try(context.Context, Tools, Store, Owner, string) (Match, error) {
	return Match{}, nil
}

// Tried gives the live codes that have as many digits. A code of the help desk's own choice has 6 to 16 (F-33).
func (deskCodes) Tried(ctx context.Context, t Tools, st Store, o Owner, code string) (all []Tried, err error) {
	if o.Codeless || len(code) < 6 || len(code) > 16 || !isDigits(code) {
		return nil, nil
	}
	live, err := st.LiveBypassCodes(ctx, o.User.ID, t.Now())
	for _, c := range live {
		if c.Digits == len(code) || c.Digits == 0 {
			all = append(all, Tried{Guess: account.Guess{ID: c.ID, Chance: chanceOf(1, len(code))}})
		}
	}
	return all, err
}

func (deskCodes) Digest(ctx context.Context, t Tools, o Owner, code string) ([]byte, error) {
	return t.Keys.SlowDigest(ctx, bypass.DigestPurpose, o.User.Salt, code)
}

func (deskCodes) Spend(ctx context.Context, st Store, o Owner, digest []byte, now time.Time) (Match, error) {
	id, ok, err := st.SpendBypassCode(ctx, o.User.ID, digest, now)
	return Match{OK: ok, Authenticator: id}, err
}
