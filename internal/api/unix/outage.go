package unix

import (
	"strings"

	"countersign/internal/api"
)

// without answers a good call while the database is lost: "no" with the reason, in the answer of its operation; err to
// those that ask about nobody.
func (d *Door) without(c call, path string, err error) (any, error) {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, At), ".")
	s := api.StatusOfOutage(words())
	switch name {
	case "preauth", "status":
		d.log().Error("legacy API denies", "route", At+name, "error", err)
		return resultOf(s).document(), nil
	case "auth":
		d.log().Error("legacy API denies", "route", At+name, "error", err)
		b, err := d.final(c, s)
		if b.TxID != "" {
			return document{{"txid", b.TxID}}, err
		}
		return resultOf(s).document(), err
	}
	return nil, err
}
