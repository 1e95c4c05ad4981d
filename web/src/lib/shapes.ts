// The shapes of the points of lines, so that lines are told apart by more than their colours. Each fills a square of 10.

export const shapes = [
  'M5 0.5A4.5 4.5 0 1 1 5 9.5A4.5 4.5 0 1 1 5 0.5Z', // circle
  'M1 1H9V9H1Z', // square
  'M5 0.5L9.8 9.2H0.2Z', // triangle
  'M5 0L10 5L5 10L0 5Z', // diamond
  'M5 9.5L0.2 0.8H9.8Z', // triangle upside down
  'M3.4 0H6.6V3.4H10V6.6H6.6V10H3.4V6.6H0V3.4H3.4Z', // cross
  'M5 0L6.3 3.6L10 3.8L7.1 6.1L8.1 9.8L5 7.7L1.9 9.8L2.9 6.1L0 3.8L3.7 3.6Z', // star
  'M0 3.5H10V6.5H0Z', // bar
];

export function shape(i: number): string {
  return shapes[i % shapes.length]!;
}
