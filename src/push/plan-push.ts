import type { RoutedImage, Routes } from "../bundle/images/routes.ts";

/** A push publishes what the routes of its bundle say, and nothing else. */
export type PushImage = RoutedImage;

export type PushPlan = Routes;
