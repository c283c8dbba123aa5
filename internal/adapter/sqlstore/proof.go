package sqlstore

import (
	"fmt"
	"strconv"
	"strings"

	"countersign/internal/domain/account"
)

// proofText is a proof as it rests: "factor|authenticator|epoch", and "" for none.
type proofText struct{ at *account.Proof }

func (p proofText) decode(text string) error {
	*p.at = account.Proof{}
	if text == "" {
		return nil
	}
	factor, rest, _ := strings.Cut(text, "|")
	authenticator, number, _ := strings.Cut(rest, "|")
	epoch, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return fmt.Errorf("a proof's epoch: %w", err)
	}
	*p.at = account.Proof{Factor: factor, Authenticator: authenticator, Epoch: epoch}
	return nil
}

func (p proofText) encode() (string, error) { return encodeProof(*p.at), nil }

func encodeProof(p account.Proof) string {
	if p == (account.Proof{}) {
		return ""
	}
	return p.Factor + "|" + p.Authenticator + "|" + strconv.FormatInt(p.Epoch, 10)
}
