package sqlstore

import (
	"encoding/json"

	"countersign/internal/domain/account"
)

// proofText is a proof as it rests: JSON, and "" for none.
type proofText struct{ at *account.Proof }

func (p proofText) decode(text string) error {
	if text == "" {
		*p.at = account.Proof{}
		return nil
	}
	return json.Unmarshal([]byte(text), p.at)
}

func (p proofText) encode() (string, error) { return encodeProof(*p.at), nil }

func encodeProof(p account.Proof) string {
	if p == (account.Proof{}) {
		return ""
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // two strings and a number always are JSON
	}
	return string(b)
}
