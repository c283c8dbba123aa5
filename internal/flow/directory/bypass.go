package directory

import (
	"context"
	"strings"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

var (
	// ErrCode reports an own code that is not 6 to 16 digits.
	ErrCode = errs.New(errs.Invalid, "bypass.code")
	// ErrCodeExists reports an own code this user has already.
	ErrCodeExists = errs.New(errs.Conflict, "bypass.code_exists")
	// ErrUses and ErrLife report limits out of range.
	ErrUses = errs.New(errs.Invalid, "bypass.uses")
	ErrLife = errs.New(errs.Invalid, "bypass.life")
	// ErrTrashed reports a user in the trash, who gets neither codes nor links.
	ErrTrashed = errs.New(errs.Conflict, "user.trashed")
)

// BypassRequest says what code to make (F-33). Begin with NewBypassRequest.
type BypassRequest struct {
	Code             secret.Text   // empty: a random one of bypass.Digits digits
	Uses             int           // 0 = no limit
	Life             time.Duration // 0 = never expires
	PreserveExisting bool          // false: the new code replaces all earlier ones
}

// NewBypassRequest is one random code with the defaults of RULE-21.
func NewBypassRequest() BypassRequest {
	return BypassRequest{Uses: bypass.DefaultUses, Life: bypass.DefaultLife}
}

// BypassCode is a code just made; it is shown once.
type BypassCode struct {
	ID      string
	User    user.User
	Code    secret.Text
	Uses    int       // 0 = no limit
	Expires time.Time // zero = never
}

// MakeBypassCode makes a code for a user. Errors: user.ErrUnknown, ErrTrashed, ErrCode, ErrCodeExists, ErrUses,
// ErrLife, bypass.ErrTooMany.
func (f *Flow) MakeBypassCode(ctx context.Context, actor audit.Actor, who string, r BypassRequest) (BypassCode, error) {
	if err := may(actor, audit.OverPeople); err != nil {
		return BypassCode{}, err
	}
	plain, err := r.check(f)
	if err != nil {
		return BypassCode{}, err
	}
	u, err := findUser(ctx, f.db.Read(), who)
	if err != nil {
		return BypassCode{}, err
	}
	// Slow on purpose, so it is done before the database transaction. The salt never changes.
	digest, err := f.keys.SlowDigest(ctx, bypass.DigestPurpose, u.Salt, plain)
	if err != nil {
		return BypassCode{}, err
	}
	c := bypass.Code{
		ID: id.Key(f.rand, id.BypassCode), UserID: u.ID, Created: f.now(), Creator: actor.Name, UsesLeft: r.Uses,
		Digest: digest, Digits: len(plain),
	}
	if r.Uses == 0 {
		c.UsesLeft = bypass.Unlimited
	}
	if r.Life > 0 {
		c.Expires = c.Created.Add(r.Life)
	}
	err = f.change(ctx, actor, audit.OverPeople, func(st Store) (err error) {
		if u, err = st.LockAccount(ctx, u.ID); err != nil {
			return err
		}
		return f.putBypassCode(ctx, st, actor, u, c, r)
	})
	f.ring([]string{flow.OutboxTopic})
	return BypassCode{ID: c.ID, User: u, Code: secret.NewText(plain), Uses: r.Uses, Expires: c.Expires}, err
}

func (f *Flow) putBypassCode(ctx context.Context, st Store, actor audit.Actor, u user.User, c bypass.Code, r BypassRequest) error {
	if u.Status == user.PendingDeletion {
		return ErrTrashed
	}
	if !r.PreserveExisting {
		if _, err := st.DeleteBypassCodes(ctx, u.ID, c.Created); err != nil {
			return err
		}
	}
	live, err := st.LiveBypassCodes(ctx, u.ID, c.Created)
	if err != nil {
		return err
	}
	if len(live) >= bypass.MaxLive {
		return bypass.ErrTooMany
	}
	for _, other := range live {
		if secret.Equal(other.Digest, c.Digest) {
			return ErrCodeExists
		}
	}
	if err := st.CreateBypassCode(ctx, c); err != nil {
		return err
	}
	expires := any("")
	if !c.Expires.IsZero() {
		expires = c.Expires
	}
	if _, err := f.mail(ctx, st, flow.Notice{
		Kind: "bypass_created", To: u.Email, Args: []any{"username", u.Username, "expires", expires},
	}); err != nil {
		return err
	}
	return f.log(ctx, st, actor, "bypass_create", u.Username, map[string]any{
		"bypass_code_id": c.ID, "count": 1, "valid_secs": int64(r.Life / time.Second), "remaining_uses": r.Uses,
		"auto_generated": r.Code.Empty(), "preserve_existing": r.PreserveExisting,
	})
}

// check gives the code to store, without the spaces and dashes people write in it.
func (r BypassRequest) check(f *Flow) (string, error) {
	if r.Uses < 0 || r.Uses > 1_000_000 {
		return "", ErrUses
	}
	if r.Life < 0 || r.Life > 100*366*24*time.Hour {
		return "", ErrLife
	}
	if r.Code.Empty() {
		return id.Digits(f.rand, bypass.Digits), nil
	}
	code := strings.NewReplacer(" ", "", "-", "").Replace(r.Code.Reveal())
	if len(code) < 6 || len(code) > 16 || strings.Trim(code, "0123456789") != "" {
		return "", ErrCode
	}
	return code, nil
}
