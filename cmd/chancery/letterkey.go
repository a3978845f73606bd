package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// nextLetterKey makes the post's next letter key. The key file has it before anybody can seal to it: a crash between the two leaves a key
// that nobody uses.
func (a *app) nextLetterKey(ctx context.Context, f *folder) error {
	u, err := a.unlock(ctx, f, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer u.close()
	letter, err := seal.NewLetterKey()
	if err != nil {
		return err
	}
	bytes, err := letter.Bytes()
	if err != nil {
		return err
	}
	id := make([]byte, 4)
	rand.Read(id)
	identity, err := seal.SignerFromSeed(u.secret.Identity)
	if err != nil {
		return err
	}
	k := directory.LetterKey{Post: f.config.Name, ID: [4]byte(id), XWing: letter.Public(), NotBefore: wholeSecond()}
	k.NotAfter = k.NotBefore.Add(periodLength)
	k.Signature = vouch(identity, telegram.LabelPeriod, k.Body())
	d, err := u.Directory()
	if err != nil {
		return err
	}
	if _, err := d.Enter(k); err != nil {
		return fmt.Errorf("%w. Nothing was changed", err)
	}
	u.secret.Letters = append(u.secret.Letters, letterSecret{id, bytes})
	if err := a.replaceSecret(f, u.secret); err != nil {
		return err
	}
	if _, _, err := u.Enter(ctx, k); err != nil {
		return fmt.Errorf("%w. The key file has a letter key more that nobody knows of; run this again", err)
	}
	return a.say(map[string]any{"letter_key": fmt.Sprintf("%x", id), "from": k.NotBefore, "until": k.NotAfter},
		"Letter key %x is valid until %s. Where several processes run the post, copy keys/post.age to each of them now.\nNext: run the post:  chancery serve --dir %s\n", id, k.NotAfter.Format("2006-01-02"), a.dir)
}
