package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"chancery.example/chancery/directory"
	"github.com/spf13/cobra"
)

// A post is reached from another machine through a command whose standard input and output are chancery stdio there, as in
// ssh moscow chancery stdio --dir /srv/moscow. Each line is one JSON value: a question {"act": …, "in": …}, then its answer {"out": …} or
// {"error": …, "code": …}. Who may run the command there is for ssh to say; who signed what, the post itself checks.

type question struct {
	Act string          `json:"act"`
	In  json.RawMessage `json:"in"`
}

type reply struct {
	Out   json.RawMessage `json:"out,omitempty"`
	Error string          `json:"error,omitempty"`
	Code  int             `json:"code,omitempty"`
}

// maxQuestion bounds a line, in bytes: a directory in base64 is the longest.
const maxQuestion = 2 * directory.MaxFile

func (a *app) stdioCommand() *cobra.Command {
	return &cobra.Command{
		Use: "stdio --dir FOLDER", Short: "Speak for this post on standard input and output, to an officer's machine",
		Long:    "Run by the --via of an officer's folder, over ssh. It does what commands at the post do, and ends when its input does.",
		Example: "  ssh moscow chancery stdio --dir /srv/moscow",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			return speak(cmd.Context(), o, a.in, a.out)
		},
	}
}

// speak answers questions until there are no more.
func speak(ctx context.Context, o office, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxQuestion)
	for lines.Scan() {
		var q question
		var r reply
		err := json.Unmarshal(lines.Bytes(), &q)
		if err == nil && !spoken(q.Act) {
			err = fmt.Errorf("%q is not done from another machine", q.Act)
		}
		if err == nil {
			err = o.do(ctx, q.Act, q.In, &r.Out)
		}
		if err != nil {
			r = reply{Error: err.Error(), Code: exitCode(err)}
		}
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := out.Write(append(b, '\n')); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading what the officer's machine asks: %w", err)
	}
	return nil
}

// spoken says whether an act is one of those that an officer's machine asks for.
func spoken(act string) bool {
	switch act {
	case "for-release", "release", "directory", "draft-state", "status", "progress", "saw", "people", "inbox", "show", "mail", "history", "clear", "return",
		"attachment", "attachments", "attachment-read":
		return true
	}
	return false
}

// away is a post on another machine.
type away struct {
	child *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
}

// dialAway starts the command that reaches the post.
func dialAway(ctx context.Context, via string, errors io.Writer) (*away, error) {
	w := &away{child: exec.CommandContext(ctx, "sh", "-c", via)}
	w.child.Stderr = errors
	w.child.Env = os.Environ()
	var err error
	if w.in, err = w.child.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.out = bufio.NewReader(io.LimitReader(out, 8*maxQuestion))
	if err := w.child.Start(); err != nil {
		return nil, fmt.Errorf("reaching the post by %q: %w", via, err)
	}
	return w, nil
}

func (w *away) do(_ context.Context, act string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	if b, err = json.Marshal(question{act, b}); err != nil {
		return err
	}
	if _, err := w.in.Write(append(b, '\n')); err != nil {
		return errors.New("the post cannot be reached: the command of --via ended")
	}
	line, err := w.out.ReadBytes('\n')
	if err != nil {
		return errors.New("the post cannot be reached: the command of --via ended without an answer")
	}
	var r reply
	if err := json.Unmarshal(line, &r); err != nil || r.Error == "" && len(r.Out) == 0 {
		return errors.New("what answers is no chancery stdio: look at the command in officer.toml")
	}
	if r.Error != "" {
		return coded{errors.New(r.Error), max(r.Code, exitFailed)}
	}
	return json.Unmarshal(r.Out, out)
}

func (w *away) close() error {
	w.in.Close()
	return w.child.Wait()
}

func writeJSONFile(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := writeNew(file, append(b, '\n')); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}

// readJSONFile reads a file of one format, with its fields and no other.
func readJSONFile(file, format string, v any) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxQuestion+1))
	if err != nil {
		return err
	}
	if len(b) > maxQuestion {
		return fmt.Errorf("%s is longer than any such file", file)
	}
	return parseJSONFile(file, b, format, v)
}

func parseJSONFile(file string, b []byte, format string, v any) error {
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(b, &head); err != nil || head.Format != format {
		return fmt.Errorf("%s is no %q", file, format)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s is damaged: %w", file, err)
	}
	return nil
}
