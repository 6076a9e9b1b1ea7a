/** A modal dialog on the platform's own: the rest is inert, Esc closes it, focus goes back to the opener. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Square } from './controls';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, wide = false, children }: DialogProps) {
  return (
    <Modal label="dialog-title" wide={wide} onClose={onClose}>
      <section class={`dlg${wide ? ' wide' : ''}`}>
        <div class="hd">
          <h2 id="dialog-title">{title}</h2>
          <Square label="Close (Esc)" icon="x" onClick={onClose} />
        </div>
        {children}
      </section>
    </Modal>
  );
}

interface ModalProps {
  /** Id of the heading. */
  readonly label: string;
  readonly role?: 'dialog' | 'alertdialog';
  readonly described?: string;
  readonly wide?: boolean;
  /** Null: Esc does not close it. */
  readonly onClose: (() => void) | null;
  readonly children: ComponentChildren;
}

export function Modal({ label, role = 'dialog', described, wide = false, onClose, children }: ModalProps) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    const dialog = ref.current;
    if (dialog !== null && !dialog.open) dialog.showModal();
    return () => {
      dialog?.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={wide ? 'wide' : ''}
      role={role}
      aria-modal="true"
      aria-labelledby={label}
      aria-describedby={described}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      onClick={(event) => {
        if (event.target === ref.current) onClose?.();
      }}
    >
      {children}
    </dialog>
  );
}
