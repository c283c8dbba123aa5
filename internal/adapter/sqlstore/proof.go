package sqlstore

import (
	"fmt"
	"strconv"
	"strings"

	"countersign/internal/domain/account"
)

// proofText is a proof as it rests: "factor|authenticator|browser|epoch", and "" for none.
type proofText struct{ at *account.Proof }

func (p proofText) decode(text string) error {
	*p.at = account.Proof{}
	if text == "" {
		return nil
	}
	part := strings.Split(text, "|")
	if len(part) != 4 {
		return fmt.Errorf("a proof of %d parts", len(part))
	}
	epoch, err := strconv.ParseInt(part[3], 10, 64)
	if err != nil {
		return fmt.Errorf("a proof's epoch: %w", err)
	}
	*p.at = account.Proof{Factor: part[0], Authenticator: part[1], Browser: part[2], Epoch: epoch}
	return nil
}

func (p proofText) encode() (string, error) { return encodeProof(*p.at), nil }

func encodeProof(p account.Proof) string {
	if p == (account.Proof{}) {
		return ""
	}
	return p.Factor + "|" + p.Authenticator + "|" + p.Browser + "|" + strconv.FormatInt(p.Epoch, 10)
}
