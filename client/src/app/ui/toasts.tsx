/** Toasts at the bottom left of the stage, and the two live regions that exist from load. */
import { useEffect, useRef } from 'preact/hooks';
import { type Toast, TOAST_MS, type Toasts } from '../model/toasts';
import { Button, Square } from './controls';

export function ToastList({ toasts }: { toasts: Toasts }) {
  return (
    <div class="toasts">
      {toasts.list.value.map((toast) => (
        <OneToast key={toast.id} toast={toast} onDone={() => toasts.dismiss(toast.id)} />
      ))}
    </div>
  );
}

/** Goes after 6 s, not while the pointer or focus is on it, never with an action. */
function OneToast({ toast, onDone }: { toast: Toast; onDone: () => void }) {
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const start = () => {
    if (toast.action === null) timer.current = setTimeout(onDone, TOAST_MS);
  };
  const stop = () => clearTimeout(timer.current);
  useEffect(() => {
    start();
    return stop;
  }, [toast.id]);
  return (
    <div class="toast" onPointerEnter={stop} onPointerLeave={start} onFocusIn={stop} onFocusOut={start}>
      <span dir="auto">{toast.text}</span>
      {toast.action === null ? null : <Button text={toast.action.text} onClick={toast.action.run} />}
      <Square label="Dismiss" icon="x" onClick={onDone} />
    </div>
  );
}

export function LiveRegions({ toasts }: { toasts: Toasts }) {
  return (
    <>
      <div class="sr" role="status" aria-live="polite">{toasts.polite.value}</div>
      <div class="sr" role="alert" aria-live="assertive">{toasts.assertive.value}</div>
    </>
  );
}
