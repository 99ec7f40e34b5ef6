// Stands in for a package that the data source imports for a feature which is off: Grafana serves it at run time.
/** The feature is not there. */
export const useAssistant = (): readonly [boolean] => [false]
/** Never shown. */
export const OpenAssistantButton = (): null => null
/** Never called while the feature is off. */
export const createAssistantContextItem = (): Record<string, never> => ({})
/** Never called while the feature is off. */
export const openAssistant = (): void => {}
/** Never called while the feature is off. */
export const isAssistantAvailable = (): false => false
