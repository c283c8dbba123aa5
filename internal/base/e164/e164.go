// Package e164 reads phone numbers as people type them and writes them as the world agrees to
// (ITU-T E.164). It is named for the form and uses the tables of github.com/nyaruka/phonenumbers.
package e164

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"countersign/internal/base/errs"
)

// ErrInvalid reports something that is no phone number of the country.
var ErrInvalid = errs.New(errs.Invalid, "number.invalid")

// Country is one country as number forms list it.
type Country struct {
	Code    string // ISO 3166-1 alpha-2, "GB"
	Calling string // "+44"
}

var countries = list()

func list() []Country {
	var all []Country
	for code := range phonenumbers.GetSupportedRegions() {
		if len(code) == 2 {
			all = append(all, Country{code, "+" + strconv.Itoa(phonenumbers.GetCountryCodeForRegion(code))})
		}
	}
	slices.SortFunc(all, func(a, b Country) int { return strings.Compare(a.Code, b.Code) })
	return all
}

// Countries lists every country that has numbers, by code. The caller must not change it.
func Countries() []Country { return countries }

// Parse reads a number as typed by somebody of a country (a Code, or "" when it begins with +) and gives it in
// E.164: "+442079460018". ErrInvalid.
func Parse(country, typed string) (string, error) {
	if len(typed) > 64 || strings.ContainsAny(typed, ";=") {
		return "", ErrInvalid
	}
	n, err := phonenumbers.Parse(typed, strings.ToUpper(country))
	if err != nil || n.GetExtension() != "" || !phonenumbers.IsValidNumber(n) {
		return "", ErrInvalid
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}

// Clean accepts a number that is in E.164 already and valid. ErrInvalid.
func Clean(number string) (string, error) {
	clean, err := Parse("", number)
	if err != nil || clean != number {
		return "", ErrInvalid
	}
	return clean, nil
}

// Pretty writes a number in E.164 as people read it: "+44 20 7946 0018". What is no number stays as it is.
func Pretty(number string) string {
	n, err := phonenumbers.Parse(number, "")
	if err != nil {
		return number
	}
	return phonenumbers.Format(n, phonenumbers.INTERNATIONAL)
}

// Masked keeps the last four digits, for lists: "+44 … 0018". What is too short becomes dots.
func Masked(number string) string {
	n, err := phonenumbers.Parse(number, "")
	digits := strings.TrimPrefix(number, "+")
	if err != nil || len(digits) < 8 {
		return "…"
	}
	return "+" + strconv.Itoa(int(n.GetCountryCode())) + " … " + digits[len(digits)-4:]
}
