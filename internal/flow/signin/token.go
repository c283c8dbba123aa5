package signin

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/account"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/remembered"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/factor"
)

// A token is to a program what the cookie of a remembered browser is to a prompt (N-01): made by a proof, kept by the
// program for the device its person sat at, and brought back before the next sign-in. It is a remembered browser in
// everything else: of one person and one application, a digest at rest, and forgotten where browsers are.

// maxTokens are those of one person for one application: a program that throws its tokens away makes no endless list.
const maxTokens = 20

// tokenValue is what the caller keeps: 32 bytes that only the master key makes of the transaction, so that a lost
// answer loses nothing.
func (f *Flow) tokenValue(txID string) (value secret.Text, digest []byte) {
	value = secret.NewText(base64.RawURLEncoding.EncodeToString(f.keys.Digest("remembered-token-value", txID)))
	return value, f.keys.Digest(remembered.TokenPurpose, value.Reveal())
}

// keepToken makes the token of a proof inside the caller's database transaction, with the user's row locked, and gives
// the name it is listed under; "" when none is made: nobody keeps one, policy remembers nothing, or the proof was not by
// a request or a code of an own phone.
func (f *Flow) keepToken(ctx context.Context, st Store, s Session, txID string, p account.Proof, name string) (string, error) {
	if name == "" || s.RememberDays() == 0 || !factor.Logged(p.Factor).Remembers {
		return "", nil
	}
	if err := f.makeRoom(ctx, st, s); err != nil {
		return "", err
	}
	now := f.now()
	_, digest := f.tokenValue(txID)
	return name, st.CreateBrowser(ctx, remembered.Browser{ID: id.Key(f.rand, id.Browser), UserID: s.User.ID, ApplicationID: s.Application.ID,
		Digest: digest, Proof: p, Name: name, Created: now, Used: now, Expires: now.Add(time.Duration(s.RememberDays()) * remembered.Day)})
}

// makeRoom forgets the tokens that were used the longest ago.
func (f *Flow) makeRoom(ctx context.Context, st Store, s Session) error {
	kept, err := st.BrowsersOf(ctx, s.User.ID)
	if err != nil {
		return err
	}
	kept = slices.DeleteFunc(kept, func(b remembered.Browser) bool { return b.ApplicationID != s.Application.ID })
	slices.SortStableFunc(kept, func(a, b remembered.Browser) int { return cmp.Compare(b.Used.UnixMicro(), a.Used.UnixMicro()) })
	for i := maxTokens - 1; i < len(kept); i++ {
		if err := st.ForgetBrowser(ctx, kept[i].ID); err != nil {
			return err
		}
	}
	return nil
}

// tokenLife is how long after its proof a token is given again: as long as a txid says what was decided. Whoever asks about an
// older attempt gets its outcome alone.
const tokenLife = 10 * time.Minute

// Token gives what the caller of an attempt may keep, the same each time; empty when there is nothing, or not any more.
// A sign-in does not fail for it.
func (f *Flow) Token(ctx context.Context, t transaction.Transaction) secret.Text {
	if t.State != transaction.Approved || t.RememberAs == "" || t.LoginID != "" {
		return secret.Text{}
	}
	if f.now().Sub(t.Decided) > tokenLife {
		return secret.Text{}
	}
	value, digest := f.tokenValue(t.ID)
	b, found, err := f.db.Read().BrowserByDigest(ctx, digest)
	if err != nil {
		f.logger.Error("token not given", "transaction", t.ID, "err", err)
	}
	if err != nil || !found || !b.Of(t.UserID, t.ApplicationID) {
		return secret.Text{}
	}
	return value
}

// recall lets in by a token, where the gates ask for a proof, and logs it; one that is no good leaves them as they were.
func (f *Flow) recall(ctx context.Context, r Request, g Gate) (Gate, error) {
	b, good, over, err := f.recognize(ctx, r, g, remembered.TokenPurpose)
	if err != nil || !good && over == "" {
		return g, err
	}
	in := g
	in.Outcome, in.Reason = OutcomeAllow, audit.RememberedDevice
	txID := id.UUID(f.rand)
	err = f.db.Write(ctx, func(st Store) error {
		if good {
			now, err := f.still(ctx, st, r, g)
			if err == nil && !f.skips(r, now, b) {
				err = errOtherwise
			}
			if err != nil {
				return err
			}
		}
		if err := f.meet(ctx, st, b, good, over); err != nil || !good {
			return err
		}
		return f.record(ctx, st, Attempt{Gate: in, Request: r}.session(txID),
			entry{Result: audit.Success, Reason: audit.RememberedDevice, Factor: audit.FactorRemembered, TxID: txID})
	})
	switch {
	case errors.Is(err, remembered.ErrForgotten):
		return g, nil
	case err != nil || !good:
		return g, err
	}
	return in, nil
}
