/** A level that is read ten times a second while something shows it. */
import { useEffect, useState } from 'preact/hooks';

const EVERY_MS = 100;

export function useLevel(read: () => number): number {
  const [level, setLevel] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setLevel(Math.round(read() / 4) * 4), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return level;
}
