/** A picture: attaches a stream to a muted `<video>`. Voices come from elsewhere (the SDK plays them). */
import { useEffect, useRef } from 'preact/hooks';

export function Video({ stream, mirrored = false, testid }: { stream: MediaStream; mirrored?: boolean; testid?: string }) {
  const ref = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = ref.current;
    if (video === null) return;
    if (video.srcObject !== stream) video.srcObject = stream;
    void video.play().catch(() => undefined); // a hidden page may hold it back; it starts when shown
  }, [stream]);
  return <video ref={ref} class={mirrored ? 'mir' : ''} data-testid={testid} autoplay muted playsInline disablePictureInPicture tabIndex={-1} />;
}
